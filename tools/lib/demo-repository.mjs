import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FILES = {
  'README.md': '# Lighthouse\n\nA lamp, a log and a keeper.\n\n- `lamp.js` turns the light\n- `log.js` writes down the ships\n',
  'lamp.js': 'export function turn(lamp, degrees) {\n  return { ...lamp, angle: (lamp.angle + degrees) % 360 };\n}\n',
  'log.js': "export function sighted(log, ship, at) {\n  // TODO ships without a name\n  return [...log, { ship: ship.name, at }];\n}\n",
  'package.json': '{ "name": "lighthouse", "type": "module" }\n',
};

/** A small git repository with two commits, outside of every home; it stays. @returns {string} its real path */
export function makeRepository() {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'orbitmesh-demo-')));
  const git = (...args) => execFileSync('git', ['-c', 'user.name=OrbitMesh demo', '-c', 'user.email=demo@example.invalid', '-c', 'commit.gpgsign=false', ...args], {
    cwd: path, stdio: 'pipe',
  });
  git('init', '-q');
  for (const [name, text] of Object.entries(FILES)) {
    writeFileSync(join(path, name), text);
    git('add', name);
    git('commit', '-qm', `Add ${name}`);
  }
  return path;
}
