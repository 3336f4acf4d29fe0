import { EventsController, FleetController } from './fleet.controller.js';
import { NotificationsController } from './notifications.controller.js';
import { openApiControllerOf } from './openapi.controller.js';
import { ProjectsController } from './projects.controller.js';
import { SessionRecordsController } from './session-records.controller.js';
import { SessionsController } from './sessions.controller.js';
import { SystemController } from './system.controller.js';
import { TasksController } from './tasks.controller.js';
import { WebhooksController } from './webhooks.controller.js';

const DESCRIBED = [
  ProjectsController, TasksController, SessionsController, SessionRecordsController, EventsController, NotificationsController, WebhooksController, FleetController,
  SystemController,
];

/** The whole of REST. */
export const CONTROLLERS = [...DESCRIBED, openApiControllerOf(DESCRIBED)];
