/** Runs in a page. Tries all that a page can do with a server, with a token in its hands, and reports what came of it. */
export const ATTEMPTS = String.raw`async ({ api, token, ticket }, reportTo) => {
  const ws = (api || location.origin).replace('http', 'ws');
  const bearer = { authorization: 'Bearer ' + token };
  const json = { ...bearer, 'content-type': 'application/json' };
  const project = (name) => JSON.stringify({ name, workingDir: '/srv/x' });
  const said = async (promise) => {
    try {
      const answer = await promise;
      return answer.type === 'opaque' ? 'sent unseen' : answer.status + ' ' + ((await answer.text()).match(/"code":"(\w+)"/) || ['', 'an answer'])[1];
    } catch { return 'blocked'; }
  };
  const happens = (target, good) => new Promise((resolve) => {
    for (const name of good) target.addEventListener(name, () => resolve('open'));
    target.addEventListener('error', () => resolve('blocked'));
    target.addEventListener('close', () => resolve('blocked'));
  });
  const element = (tag, more) => {
    const one = Object.assign(document.createElement(tag), more);
    const done = new Promise((resolve) => { one.onload = () => resolve('loaded'); one.onerror = () => resolve('blocked'); });
    document.body.append(one);
    return done;
  };
  const form = () => new Promise((resolve) => {
    const frame = Object.assign(document.createElement('iframe'), { name: 'target' });
    document.body.append(frame);
    const one = Object.assign(document.createElement('form'), { action: api + '/api/projects', method: 'POST', enctype: 'text/plain', target: 'target' });
    one.append(Object.assign(document.createElement('input'), { name: '{"name":"by a form","workingDir":"/srv/x","a":"', value: '"}' }));
    document.body.append(one);
    frame.onload = () => resolve('sent unseen');
    one.submit();
  });
  const report = {
    'reads with the token': await said(fetch(api + '/api/projects', { headers: bearer })),
    'reads what everybody may': await said(fetch(api + '/health/live')),
    'writes with the token': await said(fetch(api + '/api/projects', { method: 'POST', headers: json, body: project('by a page') })),
    'writes as a form would': await said(fetch(api + '/api/projects', { method: 'POST', mode: 'no-cors', headers: { 'content-type': 'text/plain' }, body: project('unseen') })),
    'sends a beacon': String(navigator.sendBeacon(api + '/api/projects', new Blob([project('by a beacon')], { type: 'text/plain' }))),
    'submits a form': await form(),
    'loads it as a script': await element('script', { src: api + '/openapi.json' }),
    'loads it as an image': await element('img', { src: api + '/health/live' }),
    'opens a socket with the token': await happens(new WebSocket(ws + '/ws', ['orbitmesh.v1', 'bearer.' + token]), ['open']),
    'opens a socket with the ticket of another page': await happens(new WebSocket(ws + '/ws?ticket=' + ticket), ['open']),
  };
  const gotten = await fetch(api + '/api/tickets', { method: 'POST', headers: bearer }).then((answer) => (answer.ok ? answer.json() : null), () => null);
  report['gets a ticket'] = gotten ? 'yes' : 'no';
  const own = async () => (await fetch(api + '/api/tickets', { method: 'POST', headers: bearer })).json().then((one) => one.ticket);
  report['opens a socket with a ticket of its own'] = gotten ? await happens(new WebSocket(ws + '/ws?ticket=' + gotten.ticket), ['open']) : 'none';
  report['opens a stream with a ticket of its own'] = gotten ? await happens(new EventSource(api + '/api/events/stream?ticket=' + await own()), ['stream.opened', 'open']) : 'none';
  await fetch(reportTo, { method: 'POST', mode: 'no-cors', headers: { 'content-type': 'text/plain' }, body: JSON.stringify({ of: location.hostname, report }) });
}`;
