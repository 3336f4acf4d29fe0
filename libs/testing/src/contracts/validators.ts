import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

/** Values against the definitions of documents, compiled once: by the key of a document, and in it by name. */
export class Validators {
  private readonly documents = new Map<string, Ajv2020>();
  private readonly compiled = new Map<string, ValidateFunction>();

  /** @param document the JSON text of a schema with `$defs`; asked for once. @throws TypeError when it has none of that name */
  of(key: string, document: () => string, name: string): ValidateFunction {
    const id = `${key}#/$defs/${name}`;
    const found = this.compiled.get(id) ?? this.compilerOf(key, document).getSchema(id);
    if (!found) throw new TypeError(`there is no schema called ${name}`);
    this.compiled.set(id, found);
    return found;
  }

  /** A compiler that knows a document's `$defs`. */
  private compilerOf(key: string, document: () => string): Ajv2020 {
    const known = this.documents.get(key);
    if (known) return known;
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true, validateFormats: false, inlineRefs: false, validateSchema: false, code: { optimize: false } });
    ajv.addSchema(JSON.parse(document()) as object, key);
    this.documents.set(key, ajv);
    return ajv;
  }
}
