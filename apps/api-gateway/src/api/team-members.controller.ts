import { Body, Controller, Delete, Get, Inject, Param, Patch, Post, Put, Query } from '@nestjs/common';
import { AddMemoryDto, CreateTeamMemberDto, ReplaceMemoryDto, SessionRpc, TeamMemberQueryDto, UpdateTeamMemberDto } from '@orbitmesh/contracts';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';

@Controller('api/team-members')
export class TeamMembersController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @Post()
  create(@HttpCall() call: Call, @Body() body: CreateTeamMemberDto) {
    return this.relay.command(call, SessionRpc.createTeamMember, { body }, (member) => `/api/team-members/${member.id}`);
  }

  @AgentMay('its-project')
  @Get()
  list(@HttpCall() call: Call, @Query() query: TeamMemberQueryDto) {
    return this.relay.list(call, SessionRpc.listTeamMembers, query);
  }

  @AgentMay('its-project')
  @Get(':id')
  get(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.document(call, SessionRpc.getTeamMember, { id });
  }

  @Patch(':id')
  update(@HttpCall() call: Call, @Param('id') id: string, @Body() body: UpdateTeamMemberDto) {
    return this.relay.command(call, SessionRpc.updateTeamMember, { id, body });
  }

  @Delete(':id')
  remove(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.deleteTeamMember, { id });
  }

  @Post(':id/archive')
  archive(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.archiveTeamMember, { id, archived: true });
  }

  @Post(':id/unarchive')
  unarchive(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.archiveTeamMember, { id, archived: false });
  }

  /** Whole: a member remembers no more than fits its document. */
  @AgentMay('its-project')
  @Get(':id/memory')
  async memory(@HttpCall() call: Call, @Param('id') id: string) {
    const { memory } = await this.relay.read(call, SessionRpc.getTeamMember, { id });
    return { items: memory, nextCursor: null };
  }

  @AgentMay('its-own')
  @Post(':id/memory')
  remember(@HttpCall() call: Call, @Param('id') id: string, @Body() { text }: AddMemoryDto) {
    return this.relay.command(call, SessionRpc.addMemory, { id, text });
  }

  @Put(':id/memory')
  replaceMemory(@HttpCall() call: Call, @Param('id') id: string, @Body() { memory }: ReplaceMemoryDto) {
    return this.relay.command(call, SessionRpc.updateTeamMember, { id, body: { memory } });
  }
}
