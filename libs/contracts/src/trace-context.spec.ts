import { traceContextOf, traceparentOf } from './trace-context.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

it('reads what it writes', () => {
  expect(traceContextOf(traceparentOf(TRACE))).toEqual({ traceId: TRACE, parentId: expect.stringMatching(/^[0-9a-f]{16}$/) });
});

it.each([
  ['a later version, with more behind it', `01-${TRACE}-${SPAN}-00-more`, TRACE],
  ['the version that cannot be', `ff-${TRACE}-${SPAN}-00`, undefined],
  ['more than this version has', `00-${TRACE}-${SPAN}-00-more`, undefined],
  ['a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`, undefined],
  ['a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
  ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`, undefined],
  ['two headers', [`00-${TRACE}-${SPAN}-01`], undefined],
  ['nothing', undefined, undefined],
])('takes of %s what the standard says', (_what, traceparent, traceId) => {
  expect(traceContextOf(traceparent)?.traceId).toBe(traceId);
});
