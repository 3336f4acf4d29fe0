import { checkDate } from './checks.js';
import { Checked, Name, Optional, OptionalOrNull, SomeOf } from './field.js';
import { NAME_CHARS_MAX } from './limits.js';
import { TOKEN_SCOPES, type CreateTokenBody, type TokenScope } from './token.js';

export class CreateTokenDto implements CreateTokenBody {
  @Name(NAME_CHARS_MAX) name!: string;
  @Optional() @SomeOf(TOKEN_SCOPES) scopes?: TokenScope[];
  @OptionalOrNull() @Checked('date', checkDate, { type: 'string', format: 'date-time' }) expiresAt?: string | null;
}
