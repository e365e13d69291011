#!/usr/bin/env python3
"""Writes the C++ of one Kafka message: generate_messages.py SCHEMA.json OUTPUT.h OUTPUT.cc
or a header that includes all of them, for code that handles every message: generate_messages.py --every OUTPUT.h SCHEMA.json...

A schema names a message's fields in wire order (schemas/README.md). The output is a struct with
read() and write(), which the templates of server/kafka/codec.h call. The generator has no exceptions for single
messages: the schema of a message contains everything that it needs.
"""
import json
import os
import re
import sys

NUMBERS = {'int8': 'int8_t', 'int16': 'int16_t', 'int32': 'int32_t', 'int64': 'int64_t'}
# Each entry has the C++ type of a field, and the word for it in the names of the reading and writing functions.
PLAIN = {'bool': ('bool', 'boolean'), 'error': ('KafkaError', 'error'), 'uuid': ('Uuid', 'uuid'),
         'string': ('std::string', 'string'), 'bytes': ('std::string_view', 'bytes'),
         'records': ('Records', 'records'), 'float64': ('double', 'float64')}
HAS_DEFAULT = ('int8', 'int16', 'int32', 'int64', 'bool')
# Names of parameters and variables of the generated functions. They would hide a member of the same name: its value
# would be read into the variable, and the member would stay 0.
TAKEN_NAMES = {'in', 'out', 'version', 'item', 'tag', 'tags', 'field'}


def snake(name):
    return re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', name).lower()


class Versions:
    """Returns the part of a range such as "3+", "2-7" or "4" that is within the versions of the message."""

    def __init__(self, text, lowest, highest):
        found = re.fullmatch(r'(\d+)(\+|-(\d+))?', text)
        if not found:
            raise ValueError(f'"{text}" is not a range of versions')
        self.first = int(found.group(1))
        last = found.group(3) or (highest if found.group(2) else self.first)
        self.last = int(last)
        self.lowest, self.highest = lowest, highest
        if self.first > self.last:
            raise ValueError(f'"{text}" holds no version of the message')

    def condition(self):
        """Returns a C++ condition that is true if `version` is in the range; an empty text if it always is."""
        parts = []
        if self.first > self.lowest:
            parts.append(f'version >= {self.first}')
        if self.last < self.highest:
            parts.append(f'version <= {self.last}')
        return ' && '.join(parts)


class Field:
    def __init__(self, schema, message):
        known = {'name', 'type', 'versions', 'nullableVersions', 'tag', 'default', 'fields'}
        if unknown := set(schema) - known:
            raise ValueError(f'{schema["name"]}: unknown words {sorted(unknown)}')
        whole = f'{message.lowest}+'
        ranged = lambda text: Versions(text, message.lowest, message.highest).condition()
        self.name = snake(schema['name'])
        if self.name in TAKEN_NAMES:
            raise ValueError(f'{schema["name"]}: the generated functions use the name "{self.name}" themselves; '
                             'give the field another name')
        self.is_array = schema['type'].startswith('[]')
        self.type = schema['type'].removeprefix('[]')
        self.condition = ranged(schema.get('versions', whole))
        self.is_nullable = 'nullableVersions' in schema
        self.null_condition = self.is_nullable and (ranged(schema['nullableVersions']) or 'true')
        self.tag = schema.get('tag')
        self.default = schema.get('default')
        self.fields = schema.get('fields')
        if self.fields is None and self.type not in NUMBERS and self.type not in PLAIN:
            raise ValueError(f'{self.name}: there is no type {self.type}')
        if self.default is not None and (self.is_array or self.type not in HAS_DEFAULT):
            raise ValueError(f'{self.name}: a {schema["type"]} has no default of its own')

    def element(self):
        if self.fields is not None:
            return self.type
        return NUMBERS.get(self.type) or PLAIN[self.type][0]

    def declaration(self):
        held = f'std::vector<{self.element()}>' if self.is_array else self.element()
        if self.is_nullable:
            return f'std::optional<{held}> {self.name} = {{}};'
        if self.is_array or self.fields is not None or self.type in ('uuid', 'string', 'bytes', 'records'):
            return f'{held} {self.name} = {{}};'
        return f'{held} {self.name} = {self.initial()};'

    def initial(self):
        if self.type == 'error':
            return 'KafkaError::None'
        if self.type == 'bool':
            return 'true' if self.default else 'false'
        if self.default == -2**31:
            return 'INT32_MIN'
        return str(self.default or 0)

    def is_unset(self):
        if self.is_nullable:
            return f'!{self.name}'
        if self.is_array or self.type in ('string', 'bytes', 'records'):
            return f'{self.name}.empty()'
        if self.fields is not None or self.type == 'uuid':
            return f'{self.name} == {self.element()}{{}}'
        return f'{self.name} == {self.initial()}'

    def call(self, verb, stream):
        """Returns the statement that reads or writes the field, without the condition about its versions."""
        reads = verb == 'read'
        if self.is_array:
            item = self.item(verb, stream)
            kind = f'nullable_array({self.name}, {self.null_condition}, ' if self.is_nullable \
                else f'array({self.name}, '
            constant = '' if reads else 'const '
            return f'{stream}.{kind}[&]({constant}{self.element()}& item) {{ {item} }});'
        if self.fields is not None and self.is_nullable:
            return f'if ({stream}.presence()) {self.name}.emplace().read({stream}, version); else {self.name}.reset();' \
                if reads else \
                f'{stream}.presence({self.name}.has_value()); if ({self.name}) {self.name}->write({stream}, version);'
        if self.fields is not None:
            return f'{self.name}.{verb}({stream}, version);'
        word = 'number' if self.type in NUMBERS else PLAIN[self.type][1]
        if self.is_nullable:
            return f'{self.name} = {stream}.nullable_{word}({self.null_condition});' if reads \
                else f'{stream}.nullable_{word}({self.name}, {self.null_condition});'
        template = f'<{self.element()}>' if reads and word == 'number' else ''
        return f'{self.name} = {stream}.{word}{template}();' if reads else f'{stream}.{word}({self.name});'

    def item(self, verb, stream):
        if self.fields is not None:
            return f'item.{verb}({stream}, version);'
        word = 'number' if self.type in NUMBERS else PLAIN[self.type][1]
        if verb == 'write':
            return f'{stream}.{word}(item);'
        template = f'<{self.element()}>' if word == 'number' else ''
        return f'item = {stream}.{word}{template}();'

    def statement(self, verb, stream):
        call = self.call(verb, stream)
        return f'if ({self.condition}) {{ {call} }}' if self.condition else call


class Struct:
    def __init__(self, name, fields, message, outer=''):
        self.name = name
        self.path = outer + name
        self.fields = [Field(each, message) for each in fields]
        held = [f for f in self.fields if f.fields is not None]
        self.inner = [Struct(f.type, f.fields, message, self.path) for f in held]
        # The struct inside a std::optional is declared before the message. If it were nested in the message, clang 16
        # would not accept it as constructible.
        self.outside = [inner for inner, f in zip(self.inner, held) if f.is_nullable and not f.is_array]
        for inner in self.outside:
            inner.name = inner.path

    def declare_outside(self):
        lines = []
        for inner in self.inner:
            lines += inner.declare_outside()
            if inner in self.outside:
                lines += [*inner.declare(''), '']
        return lines

    def declare(self, indent, constants=()):
        lines = [f'struct {self.name} {{', *(f'  {line}' for line in constants)]
        for inner in self.inner:
            if inner in self.outside:
                lines += [f'  using {inner.name.removeprefix(self.path)} = {inner.name};']
            else:
                lines += inner.declare('  ')
        lines += [f'  {field.declaration()}' for field in self.fields]
        lines += ['', f'  bool operator==(const {self.name}&) const = default;',
                  '  void read(WireReader& in, int16_t version);',
                  '  void write(WireWriter& out, int16_t version) const;', '};']
        return [indent + line if line else line for line in lines]

    def define(self, scope=''):
        name = scope + self.name
        lines = []
        for inner in self.inner:
            lines += inner.define('' if inner in self.outside else name + '::')
        plain = [f for f in self.fields if f.tag is None]
        tagged = sorted((f for f in self.fields if f.tag is not None), key=lambda f: f.tag)
        lines += [f'void {name}::read(WireReader& in, [[maybe_unused]] int16_t version) {{']
        lines += [f'  {f.statement("read", "in")}' for f in plain]
        if tagged:
            lines += ['  in.tagged_fields([&](uint64_t tag, WireReader& field) {',
                      '    switch (tag) {']
            for f in tagged:
                lines += [f'      case {f.tag}: {f.call("read", "field")} return true;']
            lines += ['      default: return false;', '    }', '  });']
        else:
            lines += ['  in.skip_tagged_fields();']
        lines += ['}', '']
        lines += [f'void {name}::write(WireWriter& out, [[maybe_unused]] int16_t version) const {{']
        lines += [f'  {f.statement("write", "out")}' for f in plain]
        lines += ['  TaggedFields tags;']
        for f in tagged:
            condition = ' && '.join(filter(None, [f.condition, f'!({f.is_unset()})']))
            lines += [f'  if ({condition})',
                      f'    tags.add({f.tag}, [&](WireWriter& field) {{ {f.call("write", "field")} }});']
        lines += ['  out.tagged_fields(tags);', '}', '']
        return lines


class Message:
    def __init__(self, schema):
        lowest, highest = schema['validVersions'].split('-')
        self.lowest, self.highest = int(lowest), int(highest)
        flexible = schema['flexibleVersions']
        self.first_flexible = self.highest + 1 if flexible == 'none' else \
            Versions(flexible, self.lowest, self.highest).first
        self.api_key = schema['apiKey']
        self.api_name = re.sub('(Request|Response)$', '', schema['name'])
        self.root = Struct(schema['name'], schema['fields'], self)

    def header(self, source):
        constants = [f'static constexpr std::string_view kApiName = "{self.api_name}";',
                     f'static constexpr int16_t kApiKey = {self.api_key};',
                     f'static constexpr int16_t kMinVersion = {self.lowest};',
                     f'static constexpr int16_t kMaxVersion = {self.highest};',
                     f'static constexpr int16_t kFirstFlexibleVersion = {self.first_flexible};', '']
        return '\n'.join([f'// Generated from {source}.', '#pragma once', '#include <cstdint>',
                          '#include <optional>', '#include <string>', '#include <string_view>',
                          '#include <vector>', '', '#include "server/kafka/wire.h"', '',
                          'namespace server::kafka {', '', *self.root.declare_outside(), *self.root.declare('', constants), '',
                          '}  // namespace server::kafka', ''])

    def source(self, source, header):
        return '\n'.join([f'// Generated from {source}.', f'#include "server/kafka/messages/{header}"', '',
                          'namespace server::kafka {', '', *self.root.define(),
                          '}  // namespace server::kafka', ''])


def every_message(schema_paths):
    includes, requests, responses = [], [], []
    for path in sorted(schema_paths):
        with open(path, encoding='utf-8') as file:
            name = json.load(file)['name']
        includes.append(f'#include "server/kafka/messages/{os.path.basename(path).removesuffix(".json")}.h"')
        (requests if name.endswith('Request') else responses).append(name)
    visits = lambda names: [f'  visit.template operator()<{name}>();' for name in names]
    return '\n'.join(['// Generated from all schemas.', '#pragma once', *includes, '', 'namespace server::kafka {', '',
                      '// Calls visit.operator()<Message>() for each request, or each response.',
                      'template <class Visit>', 'void for_each_request(Visit visit) {', *visits(requests), '}',
                      'template <class Visit>', 'void for_each_response(Visit visit) {', *visits(responses), '}', '',
                      '}  // namespace server::kafka', ''])


# If the content of a file does not change, its time does not change either, so it is not compiled again. A change of
# the generator therefore compiles only the messages that differ.
def write_if_changed(path, text):
    if os.path.exists(path):
        with open(path, encoding='utf-8') as file:
            if file.read() == text:
                return
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def main():
    if sys.argv[1] == '--every':
        return write_if_changed(sys.argv[2], every_message(sys.argv[3:]))
    schema_path, header_path, source_path = sys.argv[1:]
    name = os.path.basename(schema_path)
    with open(schema_path, encoding='utf-8') as file:
        try:
            message = Message(json.load(file))
        except (KeyError, ValueError) as error:
            sys.exit(f'{schema_path}: {error}')
    write_if_changed(header_path, message.header(name))
    write_if_changed(source_path, message.source(name, os.path.basename(header_path)))


main()
