import { execFile } from 'node:child_process';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import {
  GIT_OUTPUT_BYTES_MAX, GIT_TIMEOUT_MS, SURVEY_COMMITS_MAX, SURVEY_DEPTH_MAX, SURVEY_FILES_MAX, SURVEY_FILE_BYTES_MAX,
  SURVEY_READ_BYTES_MAX, SURVEY_TODOS_MAX,
} from './limits.js';

export interface SurveyedFile { path: string; bytes: number; lines: number | null }
export interface LanguageTotal { language: string; files: number; bytes: number; lines: number }
export interface TodoMark { path: string; line: number; text: string }

/** What the demo agent found in its working directory. */
export interface Survey {
  source: 'git' | 'directory';
  /** Why git was not used, what was cut: said in the report, never silent. */
  notes: string[];
  files: SurveyedFile[];
  filesNotLookedAt: number;
  totalBytes: number;
  languages: LanguageTotal[];
  todos: TodoMark[];
  todoCount: number;
  commits: string[];
  branch: string | null;
  /** Characters that were really read, for the token rule. */
  charactersRead: number;
}

const LANGUAGES: Record<string, string> = {
  '.ts': 'TypeScript', '.tsx': 'TypeScript', '.mts': 'TypeScript', '.js': 'JavaScript', '.mjs': 'JavaScript', '.cjs': 'JavaScript', '.jsx': 'JavaScript',
  '.py': 'Python', '.go': 'Go', '.rs': 'Rust', '.java': 'Java', '.kt': 'Kotlin', '.c': 'C', '.h': 'C', '.cc': 'C++', '.cpp': 'C++', '.cs': 'C#',
  '.rb': 'Ruby', '.php': 'PHP', '.swift': 'Swift', '.sh': 'Shell', '.sql': 'SQL', '.html': 'HTML', '.css': 'CSS', '.md': 'Markdown',
  '.json': 'JSON', '.yml': 'YAML', '.yaml': 'YAML', '.toml': 'TOML', '.xml': 'XML', '.txt': 'Text',
};
const SKIPPED_DIRECTORIES = new Set(['.git', 'node_modules', '.cache', 'dist']);
/** Reports of earlier sessions are listed, but not read: they quote the marks of all other files. */
const OWN_REPORT = /(^|\/)orbitmesh-report-[^/]*\.md$/;
const TODO = /\b(TODO|FIXME)\b[:\s]?(.*)/;
const run = promisify(execFile);

/** A repository's own configuration and hooks may be programs that these commands would run, or make them fetch from somewhere. */
const RUNS_NOTHING = ['--no-pager', '-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', '-c', 'log.showSignature=false', '-c', 'protocol.allow=never'];

/** git with argv, a time and an output bound; no optional lock is taken. */
async function git(cwd: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', GIT_NO_LAZY_FETCH: '1' };
  const { stdout } = await run('git', [...RUNS_NOTHING, ...args], { cwd, env, timeout: GIT_TIMEOUT_MS, maxBuffer: GIT_OUTPUT_BYTES_MAX });
  return stdout;
}

async function walk(root: string, notes: string[]): Promise<{ paths: string[]; more: number }> {
  const paths: string[] = [];
  let deep = 0;
  let more = 0;
  const queue: { path: string; depth: number }[] = [{ path: '', depth: 0 }];
  for (let entry = queue.shift(); entry; entry = queue.shift()) {
    if (paths.length >= SURVEY_FILES_MAX) {
      more = 1 + queue.length;
      notes.push(`stopped after ${SURVEY_FILES_MAX} files; at least ${more} directories were not walked`);
      break;
    }
    const children = await readdir(join(root, entry.path), { withFileTypes: true }).catch((error: Error) => {
      notes.push(`${entry.path || '.'}: ${error.message}`);
      return [];
    });
    for (const child of children.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = entry.path ? `${entry.path}/${child.name}` : child.name;
      if (child.isFile()) paths.push(path);
      else if (child.isDirectory() && !SKIPPED_DIRECTORIES.has(child.name)) {
        if (entry.depth < SURVEY_DEPTH_MAX) queue.push({ path, depth: entry.depth + 1 });
        else deep += 1;
      }
    }
  }
  if (deep) notes.push(`${deep} directories deeper than ${SURVEY_DEPTH_MAX} levels were left out`);
  return { paths, more };
}

/** Paths as git knows them (tracked, and new ones that are not ignored), or of the directory where git cannot tell. */
async function listPaths(cwd: string, notes: string[]): Promise<{ source: Survey['source']; paths: string[] }> {
  try {
    const listed = await git(cwd, 'ls-files', '-z', '--cached', '--others', '--exclude-standard');
    return { source: 'git', paths: [...new Set(listed.split('\0').filter(Boolean))] };
  } catch (error) {
    notes.push(`git could not list the files (${firstLine(error)}); walked the directory instead`);
    const { paths } = await walk(cwd, notes);
    return { source: 'directory', paths };
  }
}

async function history(cwd: string, notes: string[]): Promise<{ commits: string[]; branch: string | null }> {
  try {
    const branch = (await git(cwd, 'rev-parse', '--abbrev-ref', 'HEAD')).trim();
    const log = await git(cwd, 'log', `--max-count=${SURVEY_COMMITS_MAX}`, '--format=%h %ad %an: %s', '--date=short');
    return { branch, commits: log.split('\n').filter(Boolean) };
  } catch (error) {
    notes.push(`git has no history here (${firstLine(error)})`);
    return { branch: null, commits: [] };
  }
}

/** Looks through a directory: what is there, in which languages, how large, what is left to do, what happened last. */
export async function surveyDirectory(cwd: string, signal: AbortSignal): Promise<Survey> {
  const notes: string[] = [];
  const { source, paths } = await listPaths(cwd, notes);
  const looked = paths.slice(0, SURVEY_FILES_MAX);
  const survey: Survey = {
    source, notes, files: [], filesNotLookedAt: paths.length - looked.length, totalBytes: 0, languages: [], todos: [], todoCount: 0,
    ...(source === 'git' ? await history(cwd, notes) : { commits: [], branch: null }), charactersRead: 0,
  };
  if (survey.filesNotLookedAt) notes.push(`${survey.filesNotLookedAt} more files were not looked at (bound: ${SURVEY_FILES_MAX})`);
  for (const path of looked) {
    signal.throwIfAborted();
    await surveyFile(cwd, path, survey);
  }
  survey.languages = totals(survey.files);
  return survey;
}

async function surveyFile(cwd: string, path: string, survey: Survey): Promise<void> {
  const stat = await lstat(join(cwd, path)).catch(() => null);
  // Tracked but deleted, or a link: neither is a file that could be read here.
  if (!stat?.isFile()) return;
  const file: SurveyedFile = { path, bytes: stat.size, lines: null };
  survey.files.push(file);
  survey.totalBytes += stat.size;
  if (OWN_REPORT.test(path) || stat.size > SURVEY_FILE_BYTES_MAX || survey.charactersRead + stat.size > SURVEY_READ_BYTES_MAX) return;
  const text = await readFile(join(cwd, path), 'utf8').catch((error: Error) => {
    survey.notes.push(`${path}: ${error.message}`);
    return '';
  });
  survey.charactersRead += text.length;
  if (text.includes('\0')) return;
  const lines = text.split('\n');
  file.lines = text.endsWith('\n') ? lines.length - 1 : lines.length;
  lines.forEach((line, index) => {
    const mark = TODO.exec(line);
    if (!mark) return;
    survey.todoCount += 1;
    if (survey.todos.length < SURVEY_TODOS_MAX) survey.todos.push({ path, line: index + 1, text: `${mark[1]} ${mark[2].trim()}`.trim().slice(0, 200) });
  });
}

function totals(files: SurveyedFile[]): LanguageTotal[] {
  const byLanguage = new Map<string, LanguageTotal>();
  for (const file of files) {
    const language = LANGUAGES[extname(file.path).toLowerCase()] ?? 'other';
    const total = byLanguage.get(language) ?? { language, files: 0, bytes: 0, lines: 0 };
    byLanguage.set(language, { language, files: total.files + 1, bytes: total.bytes + file.bytes, lines: total.lines + (file.lines ?? 0) });
  }
  return [...byLanguage.values()].sort((a, b) => b.bytes - a.bytes || (a.language < b.language ? -1 : 1));
}

function firstLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr?.trim() || message).split('\n')[0].slice(0, 200);
}
