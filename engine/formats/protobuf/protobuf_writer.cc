#include <fmt/format.h>

#include <algorithm>

#include "engine/formats/avro/big_integer.h"
#include "engine/formats/protobuf/protobuf.h"
#include "engine/formats/protobuf/protobuf_columns.h"
#include "engine/formats/protobuf/protobuf_wire.h"
#include "engine/formats/record_buffer.h"
#include "engine/types/text_number.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

void put_varint(RecordBuffer& out, uint64_t value) {
  out.make_room(RecordBuffer::kVarintRoom);
  out.put_varint(value);
}

void put_tag(RecordBuffer& out, uint32_t number, unsigned wire) {
  put_varint(out, uint64_t{number} << 3 | wire);
}

void put_protobuf_text(RecordBuffer& out, std::string_view bytes) {
  out.make_room(RecordBuffer::kVarintRoom + bytes.size());
  out.put_varint(bytes.size());
  out.put(bytes);
}

// Calls `write`, and inserts the size of the appended bytes before them.
template <class Write>
bool put_sized(RecordBuffer& out, Write write) {
  const size_t begin = out.size();
  out.make_room(1);
  out.put('\0');
  if (!write()) return false;
  const size_t size = out.size() - begin - 1;
  if (size < 0x80) {
    out.set(begin, static_cast<char>(size));
    return true;
  }
  std::string prefix;
  append_varint(prefix, size);
  out.set(begin, prefix.front());
  out.insert(begin + 1, std::string_view(prefix).substr(1));
  return true;
}

template <class T>
void put_protobuf_fixed(RecordBuffer& out, T value) {
  out.make_room(sizeof value);
  out.put_little_endian(value);
}

void put_number_field(RecordBuffer& out, uint32_t number, int64_t value) {
  if (value == 0) return;
  put_tag(out, number, kWireVarint);
  put_varint(out, static_cast<uint64_t>(value));
}

// Writes the fields of a message from columns.
class ProtobufMessageWriter {
 public:
  static Result<ProtobufMessageWriter> make(const ProtobufMessage& to,
                                            std::span<const Field> columns, const std::string& path,
                                            int depth = 0) {
    ProtobufMessageWriter writer;
    TRY(writer.bind(to, columns, path, depth));
    return writer;
  }

  template <class FindColumn>
  bool write(FindColumn find_column, size_t row, RecordBuffer& out, std::string& error) const {
    uint64_t given = 0;  // bits of the oneofs that have a field already
    for (const Bound& bound : bound_) {
      const Column& column = *find_column(bound.column);
      if (column.is_null(row)) continue;
      if (bound.to->oneof_index >= 0 && !note_member(bound, given, error)) return false;
      switch (bound.way) {
        case Way::Whole32:
          write_plain(bound, column.data<int32_t>()[row], out);
          break;
        case Way::Whole64:
          write_plain(bound, column.data<int64_t>()[row], out);
          break;
        case Way::Text: {
          const std::string_view text = column.data<std::string_view>()[row];
          if (text.empty() && !bound.has_presence) break;
          out.make_room(2 * RecordBuffer::kVarintRoom + text.size());
          out.put_varint(bound.tag);
          out.put_varint(text.size());
          out.put(text);
          break;
        }
        default:
          if (!write_field(bound, column, row, out, error)) return false;
      }
    }
    return true;
  }

 private:
  struct Value {
    const ProtobufField* to;
    std::string path;
    uint64_t tag;
    // One writer, for a STRUCT, a message around a list, or the STRUCT of a oneof; otherwise empty.
    std::vector<ProtobufMessageWriter> message = {};
    std::vector<Value> wrapped = {};  // has one element for a wrapper
  };
  // How a field is written. The most frequent types have values of their own, so that they are written without
  // another switch over the type.
  enum class Way : uint8_t { Whole32, Whole64, Text, Oneof, Other };
  struct Bound {
    size_t column;
    Way way = Way::Other;
    bool has_presence = false;
    uint64_t tag = 0;
    const ProtobufField* to;
    std::vector<Value> values;  // one, or the key and the value of a map
  };

  static Way way_of(const ProtobufField& to, const SqlType& from) {
    const bool is_plain = to.kind == ProtobufKind::Int64 || to.kind == ProtobufKind::Int32;
    switch (from.kind()) {
      case TypeKind::Integer:
      case TypeKind::Date:
      case TypeKind::Time:
        return is_plain ? Way::Whole32 : Way::Other;
      case TypeKind::Bigint:
      case TypeKind::Timestamp:
        return to.kind == ProtobufKind::Int64 ? Way::Whole64 : Way::Other;
      case TypeKind::String:
        return to.kind == ProtobufKind::String ? Way::Text : Way::Other;
      case TypeKind::Bytes:
        return to.kind == ProtobufKind::Bytes ? Way::Text : Way::Other;
      default:
        return Way::Other;
    }
  }

  static void write_plain(const Bound& bound, int64_t number, RecordBuffer& out) {
    if (number == 0 && !bound.has_presence) return;  // an absent field is read as 0
    out.make_room(2 * RecordBuffer::kVarintRoom);
    out.put_varint(bound.tag);
    out.put_varint(static_cast<uint64_t>(number));
  }

  static Error unfit(const ProtobufField& to, const SqlType& from, const std::string& path) {
    const std::string_view kind =
        to.kind == ProtobufKind::Message ? to.message->full_name : protobuf_kind_name(to.kind);
    return Error{ErrorCode::InvalidStatement,
                 fmt::format("column {} is {}, and cannot be written as Protobuf's {}{}", path,
                             from.to_string(), to.is_repeated ? "repeated " : "", kind)};
  }

  Status bind(const ProtobufMessage& to, std::span<const Field> columns, const std::string& path,
              int depth) {
    std::vector<std::string> names;
    for (const Field& column : columns) names.push_back(column.name);
    const std::vector<int> fields = match_protobuf_fields(to, names);
    for (size_t i = 0; i < columns.size(); ++i) {
      const std::string name = path.empty() ? columns[i].name : path + "." + columns[i].name;
      if (fields[i] < 0 && columns[i].type.kind() == TypeKind::Struct)
        if (const ProtobufOneof* oneof = match_protobuf_oneof(to, columns[i].name)) {
          TRY(bind_oneof(to, *oneof, columns[i].type, i, name, depth));
          continue;
        }
      if (fields[i] < 0)
        return Error{ErrorCode::InvalidStatement,
                     fmt::format("message {} has no field for column {}", to.full_name, name)};
      const ProtobufField& field = to.fields[static_cast<size_t>(fields[i])];
      const SqlType& type = columns[i].type;
      Bound bound{.column = i, .to = &field, .values = {}};
      if (type.kind() == TypeKind::Map && field.is_map) {
        bound.values.push_back(
            TRY(bind_value(field.message->fields[0], type.key(), name + "{}", depth)));
        bound.values.push_back(
            TRY(bind_value(field.message->fields[1], type.value(), name + "{}", depth)));
      } else if (type.kind() == TypeKind::Array && field.is_repeated && !field.is_map) {
        bound.values.push_back(TRY(bind_value(field, type.element(), name + "[]", depth)));
      } else if (field.is_repeated) {
        return unfit(field, type, name);
      } else {
        bound.values.push_back(TRY(bind_value(field, type, name, depth)));
        bound.way = way_of(field, type);
        bound.has_presence = field.has_presence;
        bound.tag = bound.values.front().tag;
      }
      bound_.push_back(std::move(bound));
    }
    std::ranges::sort(bound_, {}, [](const Bound& bound) { return bound.to->number; });
    return {};
  }

  // Binds the STRUCT of a oneof. The STRUCT is not a message; its only field that is not null is written among the
  // fields of the enclosing message.
  Status bind_oneof(const ProtobufMessage& to, const ProtobufOneof& oneof, const SqlType& from,
                    size_t column, const std::string& path, int depth) {
    std::vector<std::string> names;
    for (const Field& field : from.fields()) names.push_back(field.name);
    const std::vector<int> fields = match_protobuf_fields(to, names);
    for (size_t i = 0; i < fields.size(); ++i)
      if (fields[i] < 0 ||
          std::ranges::find(oneof.fields, static_cast<size_t>(fields[i])) == oneof.fields.end())
        return Error{ErrorCode::InvalidStatement,
                     fmt::format("oneof {} of message {} has no field for column {}.{}",
                                 oneof.column_name, to.full_name, path, names[i])};
    Value value{&to.fields[oneof.fields.front()], path, 0};
    value.message.push_back(TRY(make(to, from.fields(), path, depth + 1)));
    Bound bound{.column = column, .way = Way::Oneof, .to = value.to, .values = {}};
    bound.values.push_back(std::move(value));
    bound_.push_back(std::move(bound));
    return {};
  }

  // Notes a field of a oneof. Returns false for a second field of the same oneof, because a reader would only keep the
  // last one.
  static bool note_member(const Bound& bound, uint64_t& given, std::string& error) {
    const uint64_t bit = uint64_t{1} << (bound.to->oneof_index % 64);
    if (bound.to->oneof_index < 64 && (std::exchange(given, given | bit) & bit) != 0) {
      error = fmt::format("column {}: of the fields of oneof {} only one can be given",
                          bound.values.front().path, bound.to->oneof);
      return false;
    }
    return true;
  }

  static Result<Value> bind_value(const ProtobufField& to, const SqlType& from, std::string path,
                                  int depth) {
    if (depth > kMaxSchemaDepth || !is_possible(to, from)) return unfit(to, from, path);
    Value value{&to, std::move(path), uint64_t{to.number} << 3 | wire_of(to.kind)};
    if (to.kind != ProtobufKind::Message) return value;
    if (to.message->meaning == ProtobufMeaning::Wrapper) {
      value.wrapped.push_back(TRY(bind_value(to.message->fields[0], from, value.path, depth + 1)));
    } else if (from.kind() == TypeKind::Struct) {
      value.message.push_back(TRY(make(*to.message, from.fields(), value.path, depth + 1)));
    } else if (from.is_nested()) {
      const Field column{to.message->fields[0].name, from};
      value.message.push_back(TRY(make(*to.message, std::span(&column, 1), value.path, depth + 1)));
    }
    return value;
  }

  static bool is_possible(const ProtobufField& to, const SqlType& from) {
    const bool is_message = to.kind == ProtobufKind::Message;
    if (is_message && to.message->meaning == ProtobufMeaning::Wrapper) return true;
    const auto means = [&](ProtobufMeaning meaning) {
      return is_message && to.message->meaning == meaning;
    };
    const unsigned wire = wire_of(to.kind);
    const bool is_floating = to.kind == ProtobufKind::Double || to.kind == ProtobufKind::Float;
    const bool is_whole = !is_floating && wire != kWireBytes && to.kind != ProtobufKind::Bool &&
                          to.kind != ProtobufKind::Enum;
    switch (from.kind()) {
      case TypeKind::Boolean:
        return to.kind == ProtobufKind::Bool;
      case TypeKind::Integer:
        return is_whole || to.kind == ProtobufKind::Double;
      case TypeKind::Bigint:
        return is_whole;
      case TypeKind::Double:
        return is_floating;
      case TypeKind::Decimal:
        return means(ProtobufMeaning::Decimal);
      case TypeKind::String:
        return to.kind == ProtobufKind::String || to.kind == ProtobufKind::Enum;
      case TypeKind::Bytes:
        return to.kind == ProtobufKind::Bytes;
      case TypeKind::Date:
        return means(ProtobufMeaning::Date) || is_whole;
      case TypeKind::Time:
        return means(ProtobufMeaning::TimeOfDay) || is_whole;
      case TypeKind::Timestamp:
        return means(ProtobufMeaning::Timestamp) || is_whole;
      case TypeKind::Array:
      case TypeKind::Map:
        return means(ProtobufMeaning::Plain) && to.message->fields.size() == 1;
      case TypeKind::Struct:
        return means(ProtobufMeaning::Plain);
      default:
        return false;
    }
  }

  bool write_field(const Bound& bound, const Column& column, size_t row, RecordBuffer& out,
                   std::string& error) const {
    const ProtobufField& to = *bound.to;
    if (bound.way == Way::Oneof)
      return bound.values.front().message.front().write(
          [&](size_t child) { return &column.child(child); }, row, out, error);
    if (!to.is_repeated)
      return write_single(bound.values[0], column, row, out, to.has_presence, error);
    const uint32_t first = column.offsets()[row], end = column.offsets()[row + 1];
    if (bound.values.size() == 2) {
      for (uint32_t i = first; i < end; ++i) {
        put_tag(out, to.number, kWireBytes);
        const bool ok = put_sized(out, [&] {
          for (size_t half = 0; half < 2; ++half) {
            const Column& child = column.child(half);
            if (child.is_null(i)) continue;
            if (!write_single(bound.values[half], child, i, out, true, error)) return false;
          }
          return true;
        });
        if (!ok) return false;
      }
      return true;
    }
    const Column& elements = column.child(0);
    const Value& value = bound.values[0];
    if (to.is_packed && first != end) {
      put_tag(out, to.number, kWireBytes);
      return put_sized(out, [&] {
        for (uint32_t i = first; i < end; ++i)
          if (!write_bare(value, elements, i, out, error)) return false;
        return true;
      });
    }
    for (uint32_t i = first; i < end; ++i) {
      put_tag(out, to.number, wire_of(to.kind));
      if (!write_bare(value, elements, i, out, error)) return false;
    }
    return true;
  }

  // Writes a field with its tag. Without presence, a default value is omitted, because an absent
  // field is read as the same value.
  static bool write_single(const Value& value, const Column& column, size_t row, RecordBuffer& out,
                           bool has_presence, std::string& error) {
    const size_t begin = out.size();
    put_varint(out, value.tag);
    const size_t bare = out.size();
    if (!write_bare(value, column, row, out, error)) return false;
    if (has_presence || value.to->kind == ProtobufKind::Message) return true;
    const std::string_view written = out.from(bare);
    if (written.front() != '\0') return true;
    const bool is_text = wire_of(value.to->kind) == kWireBytes;
    const bool is_default =
        is_text ? written.size() == 1
                : std::ranges::all_of(written, [](char byte) { return byte == '\0'; });
    if (is_default) out.cut(begin);
    return true;
  }

  // Writes a value without its tag; types with a variable size are preceded by their size. A null
  // in a list is written as the default value of the type.
  static bool write_bare(const Value& value, const Column& column, size_t row, RecordBuffer& out,
                         std::string& error) {
    const bool is_null = column.is_null(row);
    switch (value.to->kind) {
      case ProtobufKind::String:
      case ProtobufKind::Bytes:
        put_protobuf_text(out, is_null ? "" : column.data<std::string_view>()[row]);
        return true;
      case ProtobufKind::Message:
        return put_sized(out,
                         [&] { return is_null || write_message(value, column, row, out, error); });
      case ProtobufKind::Enum:
        return write_enum(value, is_null ? nullptr : &column.data<std::string_view>()[row], out,
                          error);
      case ProtobufKind::Double:
        put_protobuf_fixed(out, is_null ? 0.0 : double_at(column, row));
        return true;
      case ProtobufKind::Float:
        put_protobuf_fixed(out, is_null ? 0.0f : static_cast<float>(double_at(column, row)));
        return true;
      default:
        return write_whole(value, is_null ? 0 : whole_at(column, row), out, error);
    }
  }

  static bool write_enum(const Value& value, const std::string_view* name, RecordBuffer& out,
                         std::string& error) {
    if (name == nullptr) {
      put_varint(out, 0);
      return true;
    }
    const auto& values = value.to->enumeration->values;
    const auto found = std::ranges::find(
        values, *name, [](const auto& known) { return std::string_view(known.second); });
    if (found == values.end()) {
      error = fmt::format("column {} has a value that is none of enum {}", value.path,
                          value.to->enumeration->name);
      return false;
    }
    put_varint(out, static_cast<uint64_t>(static_cast<int64_t>(found->first)));
    return true;
  }

  static double double_at(const Column& column, size_t row) {
    return column.type().kind() == TypeKind::Double ? column.data<double>()[row]
                                                    : static_cast<double>(whole_at(column, row));
  }

  static int64_t whole_at(const Column& column, size_t row) {
    switch (column.type().kind()) {
      case TypeKind::Boolean:
        return column.data<uint8_t>()[row];
      case TypeKind::Bigint:
      case TypeKind::Timestamp:
        return column.data<int64_t>()[row];
      default:
        return column.data<int32_t>()[row];
    }
  }

  static bool write_whole(const Value& value, int64_t number, RecordBuffer& out,
                          std::string& error) {
    const auto fits = [&](int64_t least, int64_t most) {
      if (number >= least && number <= most) return true;
      error = fmt::format("column {}: {} does not fit Protobuf's {}", value.path, number,
                          protobuf_kind_name(value.to->kind));
      return false;
    };
    switch (value.to->kind) {
      case ProtobufKind::Int32:
        if (!fits(INT32_MIN, INT32_MAX)) return false;
        break;
      case ProtobufKind::Uint32:
        if (!fits(0, UINT32_MAX)) return false;
        break;
      case ProtobufKind::Sint32:
        if (!fits(INT32_MIN, INT32_MAX)) return false;
        put_varint(out, zigzag(number));
        return true;
      case ProtobufKind::Sint64:
        put_varint(out, zigzag(number));
        return true;
      case ProtobufKind::Fixed32:
        if (!fits(0, UINT32_MAX)) return false;
        put_protobuf_fixed(out, static_cast<uint32_t>(number));
        return true;
      case ProtobufKind::Sfixed32:
        if (!fits(INT32_MIN, INT32_MAX)) return false;
        put_protobuf_fixed(out, static_cast<uint32_t>(number));
        return true;
      case ProtobufKind::Fixed64:
      case ProtobufKind::Sfixed64:
        put_protobuf_fixed(out, static_cast<uint64_t>(number));
        return true;
      default:
        break;
    }
    put_varint(out, static_cast<uint64_t>(number));
    return true;
  }

  static bool write_message(const Value& value, const Column& column, size_t row, RecordBuffer& out,
                            std::string& error) {
    if (!value.wrapped.empty())
      return write_single(value.wrapped.front(), column, row, out, false, error);
    if (!value.message.empty()) {
      const ProtobufMessageWriter& writer = value.message.front();
      if (column.type().kind() == TypeKind::Struct)
        return writer.write([&](size_t child) { return &column.child(child); }, row, out, error);
      return writer.write([&](size_t) { return &column; }, row, out, error);
    }
    switch (value.to->message->meaning) {
      case ProtobufMeaning::Timestamp: {
        const int64_t ms = column.data<int64_t>()[row];
        const int64_t seconds = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
        put_number_field(out, 1, seconds);
        put_number_field(out, 2, (ms - seconds * 1000) * 1'000'000);
        return true;
      }
      case ProtobufMeaning::Date: {
        const CivilDate date = civil_from_days(column.data<int32_t>()[row]);
        put_number_field(out, 1, date.year);
        put_number_field(out, 2, date.month);
        put_number_field(out, 3, date.day);
        return true;
      }
      case ProtobufMeaning::TimeOfDay: {
        const int64_t ms = column.data<int32_t>()[row];
        put_number_field(out, 1, ms / 3'600'000);
        put_number_field(out, 2, ms / 60'000 % 60);
        put_number_field(out, 3, ms / 1000 % 60);
        put_number_field(out, 4, ms % 1000 * 1'000'000);
        return true;
      }
      default:
        return write_decimal(value, column, row, out, error);
    }
  }

  static bool write_decimal(const Value& value, const Column& column, size_t row, RecordBuffer& out,
                            std::string& error) {
    const Int128 unscaled = column.data<Int128>()[row];
    const SqlType& type = column.type();
    if (!fits_precision(unscaled, type.precision())) {
      error = fmt::format("column {}: {} cannot hold the value", value.path, type.to_string());
      return false;
    }
    char buffer[sizeof(Int128)];
    const std::string_view bytes = big_integer_bytes(unscaled, buffer);
    put_tag(out, 1, kWireBytes);
    put_protobuf_text(out, bytes);
    put_number_field(out, 2, type.precision());
    put_number_field(out, 3, type.scale());
    return true;
  }

  std::vector<Bound> bound_;
};

class ProtobufWriter final : public Writer {
 public:
  ProtobufWriter(ProtobufSchemaPtr schema, std::string header, ProtobufMessageWriter root,
                 bool wrapped, Side side)
      : schema_(std::move(schema)),
        header_(std::move(header)),
        root_(std::move(root)),
        wrapped_(wrapped),
        side_(side) {}

  void write(std::span<const Column* const> columns, RowRange rows, const Bitmap* present,
             EncodedRows& out) override {
    std::string error;
    RecordBuffer buffer(out.bytes);
    for (size_t row = rows.first; row < rows.end; ++row) {
      const size_t begin = buffer.size();
      bool is_present = has_payload(columns, row, present, wrapped_, side_);
      if (is_present) {
        buffer.append(header_);
        const auto find_column = [&](size_t column) { return columns[column]; };
        if (!root_.write(find_column, row, buffer, error)) {
          buffer.cut(begin);
          is_present = false;
          out.problems.push_back({row, error});
        }
      }
      out.close(buffer.size(), is_present);
    }
    buffer.finish();
  }

 private:
  const ProtobufSchemaPtr schema_;  // root_ points into it
  const std::string header_;
  const ProtobufMessageWriter root_;
  const bool wrapped_;
  const Side side_;
};

std::string header_of(const ProtobufSchema& schema, const ProtobufMessage& message, int32_t id) {
  std::string header;
  append_schema_header(header, id);
  const std::vector<uint32_t> path = schema.path_of(message);
  if (path == std::vector<uint32_t>{0}) return header + '\0';
  append_varint(header, zigzag(static_cast<int64_t>(path.size())));
  for (const uint32_t index : path) append_varint(header, zigzag(index));
  return header;
}

}  // namespace

Result<std::unique_ptr<Writer>> make_protobuf_writer(const SchemaText& schema,
                                                     std::span<const ColumnDef> columns,
                                                     const ProtobufWriting& writing) {
  ProtobufSchemaPtr parsed = TRY(ProtobufSchema::parse(schema));
  const ProtobufMessage* message = parsed->find(writing.full_name);
  if (message == nullptr)
    return Error{ErrorCode::InvalidStatement,
                 fmt::format("the schema has no message {}", writing.full_name)};
  std::vector<Field> fields;
  for (const ColumnDef& column : columns) fields.push_back({column.name, column.type});
  ProtobufMessageWriter root = TRY(ProtobufMessageWriter::make(*message, fields, ""));
  std::string header = writing.has_header ? header_of(*parsed, *message, writing.id) : "";
  return std::unique_ptr<Writer>(std::make_unique<ProtobufWriter>(
      std::move(parsed), std::move(header), std::move(root), writing.wrapped, writing.side));
}

}  // namespace engine
