import { Body, Controller, Delete, Get, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import { ChildTaskQueryDto, CreateTaskDto, SessionRpc, TaskQueryDto, UpdateTaskDto } from '@orbitmesh/contracts';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { Answers, AnswersNothing } from '../openapi/answers.js';

@Controller('api/tasks')
export class TasksController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @AgentMay('its-project')
  @Answers(201, 'Task', 'Creates a task.', { codes: ['TASK_REFERENCE_INVALID', 'LIMIT_REACHED'] })
  @Post()
  create(@HttpCall() call: Call, @Body() body: CreateTaskDto) {
    return this.relay.command(call, SessionRpc.createTask, { body }, (task) => `/api/tasks/${task.id}`);
  }

  @AgentMay('its-project')
  @Answers(200, 'TaskPage', 'Lists tasks; `ready`: those that could be begun.')
  @Get()
  list(@HttpCall() call: Call, @Query() query: TaskQueryDto) {
    return this.relay.list(call, SessionRpc.listTasks, query);
  }

  @AgentMay('its-project')
  @Answers(200, 'Task', 'Shows a task.')
  @Get(':id')
  get(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.document(call, SessionRpc.getTask, { id });
  }

  /** The parent is asked for first: children of a task that is not there are 404, not an empty list. */
  @AgentMay('its-project')
  @Answers(200, 'TaskPage', 'Lists the tasks right below one.')
  @Get(':id/children')
  async children(@HttpCall() call: Call, @Param('id') id: string, @Query() query: ChildTaskQueryDto) {
    await this.relay.read(call, SessionRpc.getTask, { id });
    return this.relay.read(call, SessionRpc.listTasks, { ...query, parentId: id });
  }

  @AgentMay('its-project')
  @Answers(200, 'Task', 'Changes a task; `parentId` moves it.', { codes: ['TASK_REFERENCE_INVALID'] })
  @Patch(':id')
  update(@HttpCall() call: Call, @Param('id') id: string, @Body() body: UpdateTaskDto) {
    return this.relay.command(call, SessionRpc.updateTask, { id, body });
  }

  @AnswersNothing('Deletes a task and all below it.', { codes: ['TASK_IN_USE', 'LIMIT_REACHED'] })
  @Delete(':id')
  remove(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.deleteTask, { id });
  }
}
