import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { fieldsOf, validateDto, validationError, type DtoClass, type RequestPart } from '@orbitmesh/contracts';
import { isId } from '@orbitmesh/domain';

/** Validates bodies and queries by their DTO class, and every path parameter as an id (no route of ours has another kind). */
@Injectable()
export class DtoPipe implements PipeTransform {
  /** @throws VALIDATION_FAILED, SECRET_BY_VALUE */
  transform(value: unknown, { type, metatype, data }: ArgumentMetadata): unknown {
    if (type === 'param') {
      if (!isId(value)) throw validationError([{ pointer: `/${data}`, detail: 'must be an id: 1 to 64 of A-Z a-z 0-9 _ -' }], 'path');
      return value;
    }
    const fields = fieldsOf(metatype);
    if (type === 'custom' || !fields) return value;
    const part: RequestPart = type;
    // An action's body may be left out altogether, when nothing in it is required.
    const missing = value === undefined && ![...fields.values()].some((field) => field.required);
    return validateDto(metatype as DtoClass, missing ? {} : value, part);
  }
}
