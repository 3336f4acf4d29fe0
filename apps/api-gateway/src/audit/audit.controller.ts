import { Controller, Get, Inject, Query } from '@nestjs/common';
import { AuditQueryDto, type AuditEntry, type Page } from '@orbitmesh/contracts';
import { AdminOnly } from '../auth/agent-access.guard.js';
import { Answers } from '../openapi/answers.js';
import { AuditLog } from './audit.log.js';

/** What people and agents did through the API, and were refused. The owner's alone. */
@Controller('api/audit')
export class AuditController {
  constructor(@Inject(AuditLog) private readonly audit: AuditLog) {}

  @AdminOnly()
  @Answers(200, 'AuditPage', 'Lists who did what, to what and from where, newest first.')
  @Get()
  list(@Query() query: AuditQueryDto): Promise<Page<AuditEntry>> {
    return this.audit.page(query);
  }
}
