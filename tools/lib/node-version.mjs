import { NODE_VERSION_MIN } from './limits.mjs';

/** Ends the process with one sentence when this Node.js is too old. Import nothing else before it ran. */
export function requireNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  const [majorMin, minorMin] = NODE_VERSION_MIN;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return;
  process.stderr.write(`OrbitMesh needs Node.js ${majorMin}.${minorMin} or newer; this is ${version}.\n`);
  process.exit(1);
}
