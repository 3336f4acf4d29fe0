import { Body, Controller, Delete, Get, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import { CreateProjectDto, ProjectQueryDto, SessionRpc, UpdateProjectDto } from '@orbitmesh/contracts';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { Answers, AnswersNothing } from '../openapi/answers.js';

@Controller('api/projects')
export class ProjectsController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @Answers(201, 'Project', 'Creates a project.', { codes: ['WORKING_DIR_INVALID'] })
  @Post()
  create(@HttpCall() call: Call, @Body() body: CreateProjectDto) {
    return this.relay.command(call, SessionRpc.createProject, { body }, (project) => `/api/projects/${project.id}`);
  }

  @Answers(200, 'ProjectPage', 'Lists projects.')
  @Get()
  list(@HttpCall() call: Call, @Query() query: ProjectQueryDto) {
    return this.relay.read(call, SessionRpc.listProjects, query);
  }

  @AgentMay('project')
  @Answers(200, 'Project', 'Shows a project.')
  @Get(':id')
  get(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.document(call, SessionRpc.getProject, { id });
  }

  @Answers(200, 'Project', 'Changes a project.', { codes: ['WORKING_DIR_INVALID'] })
  @Patch(':id')
  update(@HttpCall() call: Call, @Param('id') id: string, @Body() body: UpdateProjectDto) {
    return this.relay.command(call, SessionRpc.updateProject, { id, body });
  }

  @AnswersNothing('Deletes a project that has no tasks, sessions or members.', { codes: ['PROJECT_NOT_EMPTY'] })
  @Delete(':id')
  remove(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.deleteProject, { id });
  }
}
