#include "engine/formats/avro/avro_values.h"

#include <absl/strings/match.h>

#include <limits>

#include "engine/formats/avro/avro_columns.h"
#include "engine/formats/avro/big_integer.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

bool is_whole(AvroKind kind) { return kind == AvroKind::Int || kind == AvroKind::Long; }

bool has_bytes(AvroKind kind) {
  return kind == AvroKind::Bytes || kind == AvroKind::String || kind == AvroKind::Fixed;
}

std::vector<std::string> names_of(const SqlType& type) {
  std::vector<std::string> names;
  for (const Field& field : type.fields()) names.push_back(field.name);
  return names;
}

// Returns the name of a union's branch. The field of the STRUCT that stands for this branch has the same name.
std::string branch_name(const AvroType& branch) {
  if (branch.name.empty()) return std::string(avro_kind_name(branch.kind));
  return branch.name.substr(branch.name.rfind('.') + 1);
}

}  // namespace

std::vector<int> match_avro_fields(const AvroType& record, const std::vector<std::string>& names) {
  std::vector<int> found(names.size(), -1);
  std::vector<bool> is_exact(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string spelled = avro_field_name(names[i]);
    for (size_t field = 0; field < record.fields.size(); ++field) {
      const std::string& name = record.fields[field].name;
      if (name == names[i] || name == spelled) {
        found[i] = static_cast<int>(field);
        break;
      }
      if (found[i] < 0 && absl::EqualsIgnoreCase(name, spelled)) found[i] = static_cast<int>(field);
    }
  }
  return found;
}

AvroValueReader::AvroValueReader(const AvroType& from, const SqlType& to, std::string path)
    : from_(&from), to_(to), path_(std::move(path)) {
  way_ = choose(from, to_);
  switch (way_) {
    case Way::Array:
      parts_.emplace_back(*from.element, to_.element(), path_ + "[]");
      break;
    case Way::Map:
      bind_map(*from.element);
      break;
    case Way::Entries: {
      const AvroType& entry = from.element->without_null();
      parts_.emplace_back(*entry.fields[0].type, to_.key(), path_ + "{}");
      parts_.emplace_back(*entry.fields[1].type, to_.value(), path_ + "{}");
      break;
    }
    case Way::Struct:
      bind_struct(from);
      break;
    case Way::Union:
      for (const AvroType* branch : from.branches) parts_.emplace_back(*branch, to_, path_);
      break;
    case Way::Branches:
      bind_branches(from);
      break;
    default:
      break;
  }
}

void AvroValueReader::bind_map(const AvroType& value) {
  parts_.emplace_back(value, to_.value(), path_ + "{}");
}

void AvroValueReader::bind_struct(const AvroType& from) {
  const std::vector<int> fields = match_avro_fields(from, names_of(to_));
  part_of_.assign(from.fields.size(), -1);
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i] < 0) continue;
    const auto field = static_cast<size_t>(fields[i]);
    // Another column already uses this field: its name differs only in letter case.
    if (part_of_[field] >= 0) continue;
    part_of_[field] = static_cast<int>(parts_.size());
    target_.push_back(static_cast<int>(i));
    const Field& target = to_.fields()[i];
    parts_.emplace_back(*from.fields[field].type, target.type, path_ + "." + target.name);
  }
}

void AvroValueReader::bind_branches(const AvroType& from) {
  part_of_.assign(from.branches.size(), -1);
  for (size_t branch = 0; branch < from.branches.size(); ++branch) {
    const std::string name = branch_name(*from.branches[branch]);
    for (size_t i = 0; i < to_.fields().size(); ++i) {
      const Field& target = to_.fields()[i];
      if (!absl::EqualsIgnoreCase(target.name, name)) continue;
      part_of_[branch] = static_cast<int>(parts_.size());
      target_.push_back(static_cast<int>(i));
      parts_.emplace_back(*from.branches[branch], target.type, path_ + "." + target.name);
      break;
    }
  }
}

AvroValueReader::Way AvroValueReader::choose(const AvroType& from, const SqlType& to) const {
  if (from.kind == AvroKind::Null) return Way::Null;
  if (from.kind == AvroKind::Union) {
    const bool is_several = &from.without_null() == &from && from.branches.size() > 1;
    return is_several && to.kind() == TypeKind::Struct ? Way::Branches : Way::Union;
  }
  switch (to.kind()) {
    case TypeKind::Array:
      return from.kind == AvroKind::Array ? Way::Array : Way::Mismatch;
    case TypeKind::Struct:
      return from.kind == AvroKind::Record ? Way::Struct : Way::Mismatch;
    case TypeKind::Map:
      if (from.kind == AvroKind::Map)
        return to.key().kind() == TypeKind::String ? Way::Map : Way::Mismatch;
      if (from.kind == AvroKind::Array) {
        const AvroType& entry = from.element->without_null();
        if (entry.kind == AvroKind::Record && entry.fields.size() == 2 &&
            entry.fields[0].name == "key" && entry.fields[1].name == "value" &&
            &entry == from.element)
          return Way::Entries;
      }
      return Way::Mismatch;
    default:
      return choose_scalar(from, to.kind());
  }
}

AvroValueReader::Way AvroValueReader::choose_scalar(const AvroType& from, TypeKind to) const {
  const bool is_number =
      is_whole(from.kind) || from.kind == AvroKind::Float || from.kind == AvroKind::Double;
  switch (to) {
    case TypeKind::Boolean:
      return from.kind == AvroKind::Boolean ? Way::Boolean : Way::Mismatch;
    case TypeKind::Integer:
    case TypeKind::Date:
      return from.kind == AvroKind::Int ? Way::Whole : Way::Mismatch;
    case TypeKind::Time:
      if (from.logical == AvroLogical::TimeMicros) return Way::Micros;
      return from.kind == AvroKind::Int ? Way::Whole : Way::Mismatch;
    case TypeKind::Timestamp:
      if (from.logical == AvroLogical::TimestampMicros) return Way::Micros;
      return from.kind == AvroKind::Long ? Way::Whole : Way::Mismatch;
    case TypeKind::Bigint:
      return is_whole(from.kind) ? Way::Whole : Way::Mismatch;
    case TypeKind::Double:
      if (is_whole(from.kind)) return Way::Whole;
      return from.kind == AvroKind::Float    ? Way::Float
             : from.kind == AvroKind::Double ? Way::Double
                                             : Way::Mismatch;
    case TypeKind::Decimal:
      return from.logical == AvroLogical::Decimal ? Way::Decimal : Way::Mismatch;
    case TypeKind::Bytes:
      return has_bytes(from.kind) ? Way::Text : Way::Mismatch;
    case TypeKind::String:
      if (from.kind == AvroKind::String) return Way::Text;
      if (from.kind == AvroKind::Enum) return Way::Enum;
      return is_number || from.kind == AvroKind::Boolean ? Way::AsText : Way::Mismatch;
    default:
      return Way::Mismatch;
  }
}

bool AvroValueReader::mismatch(std::string& error) const {
  error = "column " + path_ + ": expected " + to_.to_string() + ", got Avro's ";
  error += from_->name.empty() ? avro_kind_name(from_->kind) : std::string_view(from_->name);
  return false;
}

bool AvroValueReader::read(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const {
  switch (way_) {
    case Way::Null:
      slot.put_null();
      return true;
    case Way::Boolean: {
      const std::string_view byte = cursor.bytes(1);
      if (cursor.failed()) return false;
      slot.put(static_cast<uint8_t>(byte.front() != 0));
      return true;
    }
    case Way::Whole:
    case Way::Micros:
      return read_whole(cursor, slot, error);
    case Way::Float: {
      const auto value = cursor.little_endian<float>();
      if (!cursor.failed()) slot.put(static_cast<double>(value));
      return !cursor.failed();
    }
    case Way::Double: {
      const auto value = cursor.little_endian<double>();
      if (!cursor.failed()) slot.put(value);
      return !cursor.failed();
    }
    case Way::Decimal:
      return read_decimal(cursor, slot, error);
    case Way::Text:
      return read_text(cursor, slot);
    case Way::Enum:
      return read_enum(cursor, slot);
    case Way::AsText:
      return read_as_text(cursor, slot);
    case Way::Array:
      return read_array(cursor, slot, error);
    case Way::Map:
    case Way::Entries:
      return read_map(cursor, slot, error);
    case Way::Struct:
      return read_struct(cursor, slot, error);
    case Way::Union:
      return read_union(cursor, slot, error);
    case Way::Branches:
      return read_branches(cursor, slot, error);
    case Way::Mismatch:
      return mismatch(error);
  }
  return false;
}

bool AvroValueReader::read_whole(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const {
  int64_t value = cursor.whole();
  if (cursor.failed()) return false;
  if (way_ == Way::Micros) {
    const int64_t rest = value % 1000;
    value = value / 1000 - (rest < 0 ? 1 : 0);
  }
  switch (to_.kind()) {
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      slot.put(value);
      return true;
    case TypeKind::Double:
      slot.put(static_cast<double>(value));
      return true;
    default:
      break;
  }
  const bool fits = value >= std::numeric_limits<int32_t>::min() &&
                    value <= std::numeric_limits<int32_t>::max() &&
                    (to_.kind() != TypeKind::Time || (value >= 0 && value < kMsPerDay));
  if (!fits) {
    error = "column " + path_ + ": " + std::to_string(value) + " is out of range for " +
            to_.to_string();
    return false;
  }
  slot.put(static_cast<int32_t>(value));
  return true;
}

std::string_view AvroValueReader::raw_bytes(AvroCursor& cursor) const {
  return from_->kind == AvroKind::Fixed ? cursor.bytes(from_->size) : cursor.text();
}

bool AvroValueReader::read_decimal(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const {
  const std::optional<Int128> unscaled = big_integer(raw_bytes(cursor));
  if (cursor.failed()) return false;
  std::optional<Int128> value;
  if (unscaled) {
    if (from_->scale == to_.scale() && fits_precision(*unscaled, to_.precision())) {
      value = unscaled;
    } else if (const auto rescaled = rescale({*unscaled, from_->scale}, to_.precision(),
                                             to_.scale(), Rounding::Exact)) {
      value = *rescaled;
    }
  }
  if (!value) {
    error = "column " + path_ + ": the number does not fit " + to_.to_string();
    return false;
  }
  slot.put(*value);
  return true;
}

bool AvroValueReader::read_text(AvroCursor& cursor, ColumnSlot& slot) const {
  const std::string_view bytes = raw_bytes(cursor);
  if (cursor.failed()) return false;
  if (to_.kind() == TypeKind::String && !is_utf8(bytes))
    slot.put(slot.column->heap().add(repaired_utf8(bytes)));
  else
    slot.put(bytes);
  return true;
}

bool AvroValueReader::read_enum(AvroCursor& cursor, ColumnSlot& slot) const {
  const int64_t index = cursor.whole();
  if (index < 0 || static_cast<size_t>(index) >= from_->symbols.size()) cursor.fail();
  if (cursor.failed()) return false;
  slot.put(slot.column->heap().add(from_->symbols[static_cast<size_t>(index)]));
  return true;
}

bool AvroValueReader::read_as_text(AvroCursor& cursor, ColumnSlot& slot) const {
  std::string text;
  switch (from_->kind) {
    case AvroKind::Boolean: {
      const std::string_view byte = cursor.bytes(1);
      text = !cursor.failed() && byte.front() != 0 ? "true" : "false";
      break;
    }
    case AvroKind::Float:
      append_double(text, static_cast<double>(cursor.little_endian<float>()));
      break;
    case AvroKind::Double:
      append_double(text, cursor.little_endian<double>());
      break;
    default:
      append_bigint(text, cursor.whole());
  }
  if (cursor.failed()) return false;
  slot.put(slot.column->heap().add(text));
  return true;
}

bool AvroValueReader::read_array(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const {
  ColumnSlot element{&slot.column->child(0)};
  while (size_t count = cursor.block())
    for (; count > 0; --count)
      if (!parts_[0].read(cursor, element, error)) return false;
  if (cursor.failed()) return false;
  slot.column->close_list();
  return true;
}

bool AvroValueReader::read_map(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const {
  Column& map = *slot.column;
  const auto first = static_cast<uint32_t>(map.child(0).size());
  ColumnSlot key{&map.child(0)}, value{&map.child(1)};
  while (size_t count = cursor.block()) {
    for (; count > 0; --count) {
      if (way_ == Way::Entries) {
        if (!parts_[0].read(cursor, key, error)) return false;
      } else {
        const std::string_view text = cursor.text();
        if (cursor.failed()) return false;
        if (is_utf8(text))
          key.put(text);
        else
          key.put(key.column->heap().add(repaired_utf8(text)));
      }
      if (!parts_.back().read(cursor, value, error)) return false;
    }
  }
  if (cursor.failed()) return false;
  drop_duplicate_keys(map, first);
  map.close_list();
  return true;
}

bool AvroValueReader::read_struct(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const {
  Column& column = *slot.column;
  for (size_t i = 0; i < part_of_.size(); ++i) {
    const int part = part_of_[i];
    if (part < 0) {
      if (!skip_avro(*from_->fields[i].type, cursor)) return false;
      continue;
    }
    ColumnSlot field{&column.child(static_cast<size_t>(target_[static_cast<size_t>(part)]))};
    if (!parts_[static_cast<size_t>(part)].read(cursor, field, error)) return false;
  }
  for (size_t i = 0; i < column.child_count(); ++i)
    if (column.child(i).size() == column.size()) column.child(i).append_null();
  column.close_struct();
  return true;
}

bool AvroValueReader::read_union(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const {
  const int64_t branch = cursor.whole();
  if (branch < 0 || static_cast<size_t>(branch) >= parts_.size()) cursor.fail();
  if (cursor.failed()) return false;
  return parts_[static_cast<size_t>(branch)].read(cursor, slot, error);
}

bool AvroValueReader::read_branches(AvroCursor& cursor, ColumnSlot& slot,
                                    std::string& error) const {
  const int64_t index = cursor.whole();
  if (index < 0 || static_cast<size_t>(index) >= part_of_.size()) cursor.fail();
  if (cursor.failed()) return false;
  const auto branch = static_cast<size_t>(index);
  if (from_->branches[branch]->kind == AvroKind::Null) {
    slot.put_null();
    return true;
  }
  Column& column = *slot.column;
  const int part = part_of_[branch];
  if (part < 0) {
    if (!skip_avro(*from_->branches[branch], cursor)) return false;
  } else {
    ColumnSlot field{&column.child(static_cast<size_t>(target_[static_cast<size_t>(part)]))};
    if (!parts_[static_cast<size_t>(part)].read(cursor, field, error)) return false;
  }
  for (size_t i = 0; i < column.child_count(); ++i)
    if (column.child(i).size() == column.size()) column.child(i).append_null();
  column.close_struct();
  return true;
}

bool skip_avro(const AvroType& type, AvroCursor& cursor, int depth) {
  if (depth > kMaxSchemaDepth) return cursor.fail() != 0;
  switch (type.kind) {
    case AvroKind::Null:
      break;
    case AvroKind::Boolean:
      cursor.bytes(1);
      break;
    case AvroKind::Int:
    case AvroKind::Long:
    case AvroKind::Enum:
      cursor.whole();
      break;
    case AvroKind::Float:
      cursor.bytes(sizeof(float));
      break;
    case AvroKind::Double:
      cursor.bytes(sizeof(double));
      break;
    case AvroKind::Bytes:
    case AvroKind::String:
      cursor.text();
      break;
    case AvroKind::Fixed:
      cursor.bytes(type.size);
      break;
    case AvroKind::Array:
    case AvroKind::Map:
      while (size_t count = cursor.block()) {
        for (; count > 0; --count) {
          if (type.kind == AvroKind::Map) cursor.text();
          if (!skip_avro(*type.element, cursor, depth + 1)) return false;
        }
      }
      break;
    case AvroKind::Record:
      for (const AvroField& field : type.fields)
        if (!skip_avro(*field.type, cursor, depth + 1)) return false;
      break;
    case AvroKind::Union: {
      const int64_t branch = cursor.whole();
      if (branch < 0 || static_cast<size_t>(branch) >= type.branches.size()) cursor.fail();
      if (cursor.failed()) return false;
      return skip_avro(*type.branches[static_cast<size_t>(branch)], cursor, depth + 1);
    }
  }
  return !cursor.failed();
}

}  // namespace engine
