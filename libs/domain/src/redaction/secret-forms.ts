import { ENCODED_SECRET_LENGTH_MIN, SECRET_LENGTH_MIN, SECRET_LINE_LENGTH_MIN } from '../limits.js';

/** What a secret looks like where somebody wrote it down: as it is, as JSON text, in a URL, in a page, in a shell's words, in hex, in base64 (in the midst of other bytes too). Longest first. */
export function formsOf(secrets: Iterable<string>): string[] {
  const forms = [...secrets].flatMap((value) => [
    value,
    // A line of a secret of several lines (a key file) is one too.
    ...value.split(/\r?\n/).filter((line) => line.length >= SECRET_LINE_LENGTH_MIN),
    ...encodedForms(value),
  ]);
  return [...new Set(forms)].filter((form) => form.length >= SECRET_LENGTH_MIN).sort((a, b) => b.length - a.length);
}

function encodedForms(value: string): string[] {
  const written = [...inJson(value), ...inUrl(value), inHtml(value), value.replaceAll("'", "'\\''")];
  const hex = Buffer.from(value).toString('hex');
  const bytes = [hex, hex.toUpperCase(), ...base64Of(value)].filter((form) => form.length >= ENCODED_SECRET_LENGTH_MIN);
  return [...written, ...bytes];
}

/** What has to be escaped is escaped by all; Python writes ASCII only, Go nothing that means something in a page, PHP no slash. */
function inJson(value: string): string[] {
  const plain = JSON.stringify(value).slice(1, -1);
  const escaped = (pattern: RegExp): string => plain.replace(pattern, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const ascii = escaped(/[^ -~]/g);
  return [plain, JSON.stringify(plain).slice(1, -1), ascii, escaped(/[<>&]/g), plain.replaceAll('/', '\\/'), ascii.replaceAll('/', '\\/')];
}

/** As JavaScript writes it, as RFC 3986 wants it, in a path, in a form; with hex digits of both kinds. */
function inUrl(value: string): string[] {
  // By way of bytes: half a character of a pair is none.
  const plain = encodeURIComponent(Buffer.from(value).toString());
  const strict = plain.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  const written = [plain, strict, strict.replaceAll('%2F', '/'), ...[plain, strict].map((form) => form.replaceAll('%20', '+')), new URLSearchParams({ '': value }).toString().slice(1)];
  return [...written, ...written.map((form) => form.replace(/%../g, (byte) => byte.toLowerCase()))];
}

function inHtml(value: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return value.replace(/[&<>"']/g, (character) => names[character]);
}

/** Three bytes become four characters, so other bytes before it shift it in one of three ways; of each, the characters that are of this value alone. */
function base64Of(value: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(value)]);
    const own = bytes.toString('base64').slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

/** Keys that say by their form that they are one: how they begin, of which characters the rest is, and how long that is at least. */
const KEY_FORMS: readonly (readonly [start: string, character: string, min: number])[] = [
  // Ours: the owner's token, a user's, a ticket, a webhook's secret.
  ['omd_', '[\\w-]', 43], ['omu_', '[\\w-]', 43], ['omt_', '[\\w-]', 22], ['whsec_', '[\\w+/=-]', 32],
  ['sk-ant-', '[\\w-]', 20], ['sk-proj-', '[\\w-]', 20], ['sk-or-', '[\\w-]', 20], ['sk-', '[A-Za-z0-9]', 32], ['AIza', '[\\w-]', 35], ['hf_', '[A-Za-z0-9]', 30], ['ya29.', '[\\w-]', 20],
  ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((start) => [start, '[A-Za-z0-9]', 36] as const), ['github_pat_', '\\w', 22], ['glpat-', '[\\w-]', 20],
  ['AKIA', '[A-Z0-9]', 16], ['ASIA', '[A-Z0-9]', 16], ['npm_', '[A-Za-z0-9]', 36], ['pypi-', '[\\w-]', 50], ['dop_v1_', '[a-f0-9]', 64],
  ...['xoxb-', 'xoxp-', 'xoxa-', 'xoxr-', 'xoxs-', 'xapp-'].map((start) => [start, '[\\w-]', 20] as const), ...['sk_live_', 'rk_live_', 'sk_test_', 'rk_test_'].map((start) => [start, '[A-Za-z0-9]', 16] as const),
  ['AGE-SECRET-KEY-1', '[A-Z0-9]', 58],
];
const SIGNED = 'eyJ[\\w-]{10,}\\.eyJ[\\w-]{10,}\\.[\\w-]{10,}';
const NOT_IN_A_WORD = '(?<![A-Za-z0-9_-])';
const literally = (text: string): string => text.replace(/[.\\+*?^$()[\]{}|]/g, '\\$&');

/** A key in a text, whoever's it is. */
export const KEY = new RegExp(`${NOT_IN_A_WORD}(?:${[...KEY_FORMS.map(([start, character, min]) => `${literally(start)}${character}{${min},}`), SIGNED].join('|')})`, 'g');
export const PRIVATE_KEY_START = '-----BEGIN ';
/** From its start on: it is a private key's, or it is not said yet of what. */
export const PRIVATE_KEY_BEGUN = /^-----BEGIN [A-Z ]*(?:-{0,5}$|PRIVATE KEY-----(?![\s\S]*-----END [A-Z ]*PRIVATE KEY-----))/;
/** The private half of a key pair, to the end of the text where its own is not in it. */
export const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** The password in a URL. */
export const URL_PASSWORD = /(?<=[a-z]:\/\/[^\s:@/]{0,100}:)[^\s:@/]{1,200}(?=@)/g;

/** The first characters of a key's form, as far as there are any, and what follows when all are there. */
function begunBy(start: string, character: string): string {
  const [first, ...more] = [...start].map(literally);
  return `${first}${more.reduceRight((rest, one) => `(?:${one}${rest})?`, `${character}*`)}`;
}

/** A word (what follows on white space) ends with what may be the beginning of a key. */
export const KEY_BEGUN = new RegExp(`${NOT_IN_A_WORD}(?:${[...KEY_FORMS.map(([start, character]) => begunBy(start, character)), begunBy('eyJ', '[\\w.-]')].join('|')})$`);
