/** Messages of protobuf, as far as containerd's API needs them: texts, maps of texts, and messages in each other. */

/** Fields by number; those of a list repeat theirs. */
export type Field = [number: number, value: string | Buffer];

const LENGTH_DELIMITED = 2;

export const message = (...fields: Field[]): Buffer =>
  Buffer.concat(
    fields.flatMap(([number, value]) => {
      const data = Buffer.from(value);
      return [varint((number << 3) | LENGTH_DELIMITED), varint(data.length), data];
    }),
  );

/** The entries of a map, each of which is a message. */
export const mapFields = (number: number, map: Readonly<Record<string, string>>): Field[] =>
  Object.entries(map).map(([key, value]) => [number, message([1, key], [2, value])]);

const varint = (value: number): Buffer =>
  value < 0x80 ? Buffer.of(value) : Buffer.concat([Buffer.of((value & 0x7f) | 0x80), varint(value >>> 7)]);
