import { Body, Controller, Delete, Get, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import { CreateProjectDto, ProjectQueryDto, SessionRpc, UpdateProjectDto } from '@orbitmesh/contracts';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';

@Controller('api/projects')
export class ProjectsController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @Post()
  create(@HttpCall() call: Call, @Body() body: CreateProjectDto) {
    return this.relay.command(call, SessionRpc.createProject, { body }, (project) => `/api/projects/${project.id}`);
  }

  @Get()
  list(@HttpCall() call: Call, @Query() query: ProjectQueryDto) {
    return this.relay.read(call, SessionRpc.listProjects, query);
  }

  @AgentMay('project')
  @Get(':id')
  get(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.document(call, SessionRpc.getProject, { id });
  }

  @Patch(':id')
  update(@HttpCall() call: Call, @Param('id') id: string, @Body() body: UpdateProjectDto) {
    return this.relay.command(call, SessionRpc.updateProject, { id, body });
  }

  @Delete(':id')
  remove(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.deleteProject, { id });
  }
}
