import { Body, Controller, Delete, Get, Header, Inject, Param, Post } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { CreateTokenDto, validationError, type List, type MadeToken, type Ticket, type Token } from '@orbitmesh/contracts';
import { AdminOnly, AgentMay, Takes } from '../auth/agent-access.guard.js';
import { Tickets } from '../auth/tickets.js';
import { TokenStore } from '../auth/token.store.js';
import { KeptAnswers } from '../http/kept-answers.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { Answers, AnswersNothing } from '../openapi/answers.js';

/** Tokens of users (ADR-0029). They are the gateway's own, in no log: no cursor, and no revision. */
@Controller('api/tokens')
export class TokensController {
  constructor(@Inject(TokenStore) private readonly tokens: TokenStore, @Inject(KeptAnswers) private readonly kept: KeptAnswers) {}

  @AdminOnly()
  @Answers(201, 'MadeToken', 'Makes a token for a user; only this answer has it in plain.', { codes: ['LIMIT_REACHED', 'CONFLICT'], local: true })
  @Post()
  @Header('cache-control', 'no-store')
  async create(@HttpCall() call: Call, @Body() body: CreateTokenDto): Promise<MadeToken> {
    if (body.expiresAt && Date.parse(body.expiresAt) <= Date.now()) throw validationError([{ pointer: '/expiresAt', detail: 'must be in the future' }], 'body');
    const made = await this.kept.once(call, 201, (mark) => this.tokens.create(body, mark));
    call.reply.header('location', `/api/tokens/${made.id}`);
    return made;
  }

  /** Whole: there are no more of them than fit an answer. */
  @AdminOnly()
  @Answers(200, 'TokenList', 'Lists users\' tokens, without what they are.')
  @Get()
  async list(): Promise<List<Token>> {
    return { items: await this.tokens.list(), nextCursor: null };
  }

  @AdminOnly()
  @Answers(200, 'Token', 'Shows a user\'s token, without what it is.')
  @Get(':id')
  get(@Param('id') id: string): Promise<Token> {
    return this.tokens.get(id);
  }

  @AdminOnly()
  @AnswersNothing('Revokes a token: from the answer on it is worth nothing, and its live connections are closed.', { local: true })
  @Delete(':id')
  async revoke(@HttpCall() call: Call, @Param('id') id: string): Promise<undefined> {
    await this.kept.once(call, 204, () => this.tokens.revoke(id));
    return undefined;
  }

  @AdminOnly()
  @Answers(200, 'MadeToken', 'Replaces a token: from the answer on the old one is worth nothing. `admin`: the admin\'s own.', { codes: ['CONFLICT'], local: true })
  @Post(':id/rotate')
  @Header('cache-control', 'no-store')
  rotate(@HttpCall() call: Call, @Param('id') id: string): Promise<MadeToken> {
    return this.kept.once(call, 200, () => this.tokens.rotate(id, call.request.token ?? ''));
  }
}

@Controller('api/tickets')
export class TicketsController {
  /** Of its own: any token may ask for tickets, and would push out what is kept of tokens. */
  private readonly kept = new KeptAnswers();

  constructor(@Inject(Tickets) private readonly tickets: Tickets) {}

  /** Any token may: it opens nothing that the token itself does not. */
  @AgentMay('its-own')
  @Takes('read')
  @Answers(201, 'Ticket', 'Gives a ticket: `?ticket=` opens one WebSocket or event stream within 30 s, from the page that asked.', { local: true })
  @Post()
  @Header('cache-control', 'no-store')
  create(@HttpCall() call: Call): Promise<Ticket> {
    const { principal, token, headers } = call.request;
    if (!principal || token === null) throw new AppError('UNAUTHENTICATED');
    return this.kept.once(call, 201, () => this.tickets.issue(token, principal, headers.origin));
  }
}
