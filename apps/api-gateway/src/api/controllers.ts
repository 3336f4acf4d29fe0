import { AuditController } from '../audit/audit.controller.js';
import { EventsController, FleetController } from './fleet.controller.js';
import { MailController } from './mail.controller.js';
import { NotificationsController } from './notifications.controller.js';
import { openApiControllerOf } from '../openapi/openapi.controller.js';
import { OrderingController } from './ordering.controller.js';
import { ProjectsController } from './projects.controller.js';
import { SessionRecordsController } from './session-records.controller.js';
import { SessionsController } from './sessions.controller.js';
import { MetricsController } from './metrics.controller.js';
import { SystemController } from './system.controller.js';
import { TasksController } from './tasks.controller.js';
import { TeamMembersController } from './team-members.controller.js';
import { TicketsController, TokensController } from './tokens.controller.js';
import { WebhooksController } from './webhooks.controller.js';

const DESCRIBED = [
  ProjectsController, TasksController, TeamMembersController, OrderingController, SessionsController, SessionRecordsController, MailController, EventsController,
  NotificationsController, WebhooksController, TokensController, TicketsController, FleetController, SystemController, MetricsController, AuditController,
];

/** The whole of REST. */
export const CONTROLLERS = [...DESCRIBED, openApiControllerOf(DESCRIBED)];
