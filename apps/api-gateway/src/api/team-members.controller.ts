import { Body, Controller, Delete, Get, Inject, Param, Patch, Post, Put, Query } from '@nestjs/common';
import { AddMemoryDto, CreateTeamMemberDto, ReplaceMemoryDto, SessionRpc, TeamMemberQueryDto, UpdateTeamMemberDto } from '@orbitmesh/contracts';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { Answers, AnswersNothing } from '../openapi/answers.js';

@Controller('api/team-members')
export class TeamMembersController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @Answers(201, 'TeamMember', 'Creates a team member, of a project or global.')
  @Post()
  create(@HttpCall() call: Call, @Body() body: CreateTeamMemberDto) {
    return this.relay.command(call, SessionRpc.createTeamMember, { body }, (member) => `/api/team-members/${member.id}`);
  }

  @AgentMay('its-project')
  @Answers(200, 'TeamMemberPage', 'Lists team members; of a project its own and the global ones.')
  @Get()
  list(@HttpCall() call: Call, @Query() query: TeamMemberQueryDto) {
    return this.relay.list(call, SessionRpc.listTeamMembers, query);
  }

  @AgentMay('its-project')
  @Answers(200, 'TeamMember', 'Shows a team member.')
  @Get(':id')
  get(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.document(call, SessionRpc.getTeamMember, { id });
  }

  @Answers(200, 'TeamMember', 'Changes a team member.')
  @Patch(':id')
  update(@HttpCall() call: Call, @Param('id') id: string, @Body() body: UpdateTeamMemberDto) {
    return this.relay.command(call, SessionRpc.updateTeamMember, { id, body });
  }

  @AnswersNothing('Deletes a team member; its tasks are nobody\'s then.', { codes: ['LIMIT_REACHED'] })
  @Delete(':id')
  remove(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.deleteTeamMember, { id });
  }

  @Answers(200, 'TeamMember', 'Archives a team member: it is kept, and given no new work.')
  @Post(':id/archive')
  archive(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.archiveTeamMember, { id, archived: true });
  }

  @Answers(200, 'TeamMember', 'Takes a team member out of the archive.')
  @Post(':id/unarchive')
  unarchive(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.archiveTeamMember, { id, archived: false });
  }

  /** Whole: a member remembers no more than fits its document. */
  @AgentMay('its-project')
  @Answers(200, 'MemoryList', 'Lists what a team member remembers.')
  @Get(':id/memory')
  async memory(@HttpCall() call: Call, @Param('id') id: string) {
    const { memory } = await this.relay.read(call, SessionRpc.getTeamMember, { id });
    return { items: memory, nextCursor: null };
  }

  @AgentMay('its-own')
  @Answers(200, 'TeamMember', 'Gives a team member one more thing to remember.', { codes: ['LIMIT_REACHED'] })
  @Post(':id/memory')
  remember(@HttpCall() call: Call, @Param('id') id: string, @Body() { text }: AddMemoryDto) {
    return this.relay.command(call, SessionRpc.addMemory, { id, text });
  }

  @Answers(200, 'TeamMember', 'Replaces all that a team member remembers.', { codes: ['LIMIT_REACHED'] })
  @Put(':id/memory')
  replaceMemory(@HttpCall() call: Call, @Param('id') id: string, @Body() { memory }: ReplaceMemoryDto) {
    return this.relay.command(call, SessionRpc.updateTeamMember, { id, body: { memory } });
  }
}
