#include "engine/formats/avro/avro_json.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/formats/avro/avro_cursor.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_json.h"

namespace engine {

namespace {

constexpr int kMaxAvroJsonDepth = 200;  // the limit for JSON texts
constexpr size_t kMaxJsonBytes = size_t{64} << 20;

Error invalid_avro_json(std::string message) {
  return {ErrorCode::InvalidText, std::move(message)};
}

void append_whole(std::string& out, int64_t number) {
  auto bits = (static_cast<uint64_t>(number) << 1) ^ static_cast<uint64_t>(number >> 63);
  for (; bits > 0x7f; bits >>= 7) out += static_cast<char>(bits | 0x80);
  out += static_cast<char>(bits);
}
void append_json_text(std::string& out, std::string_view text) {
  append_whole(out, static_cast<int64_t>(text.size()));
  out += text;
}
template <class T>
void append_json_little_endian(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string json_branch_name(const AvroType& type) {
  return type.name.empty() ? std::string(avro_kind_name(type.kind)) : type.name;
}

// Returns the bytes of a text in which each character stands for the byte with the number of its code point.
Result<std::string> bytes_of(const JsonTree& value) {
  std::string bytes;
  for (size_t at = 0; at < value.text.size(); ++at) {
    const auto first = static_cast<unsigned char>(value.text[at]);
    if (first < 0x80) {
      bytes += static_cast<char>(first);
    } else if ((first == 0xc2 || first == 0xc3) && at + 1 < value.text.size()) {
      const auto second = static_cast<unsigned char>(value.text[++at]);
      bytes += static_cast<char>((first << 6) | (second & 0x3f));
    } else {
      return invalid_avro_json("a character of bytes is at most U+00FF");
    }
  }
  return bytes;
}
void append_bytes_as_text(std::string& json, std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    const auto code = static_cast<unsigned char>(byte);
    if (code < 0x80) {
      text += byte;
    } else {
      text += static_cast<char>(0xc0 | (code >> 6));
      text += static_cast<char>(0x80 | (code & 0x3f));
    }
  }
  append_json_string(json, text);
}

class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}

  Status encode(const AvroType& type, const JsonTree& value, int depth) {
    if (depth > kMaxAvroJsonDepth) return invalid_avro_json("it lies too deep");
    const auto expect = [&](JsonKind kind) -> Status {
      if (value.kind == kind) return {};
      return invalid_avro_json(
          fmt::format("a value of the type {} was expected", json_branch_name(type)));
    };
    switch (type.kind) {
      case AvroKind::Null:
        return expect(JsonKind::Null);
      case AvroKind::Boolean:
        TRY(expect(JsonKind::Boolean));
        out_ += value.boolean ? '\1' : '\0';
        return {};
      case AvroKind::Int:
      case AvroKind::Long:
        TRY(expect(JsonKind::Number));
        return encode_whole(type, value);
      case AvroKind::Float:
      case AvroKind::Double:
        TRY(expect(JsonKind::Number));
        return encode_float(type, value);
      case AvroKind::String:
        TRY(expect(JsonKind::String));
        append_json_text(out_, value.text);
        return {};
      case AvroKind::Bytes:
        TRY(expect(JsonKind::String));
        append_json_text(out_, TRY(bytes_of(value)));
        return {};
      case AvroKind::Fixed: {
        TRY(expect(JsonKind::String));
        const std::string bytes = TRY(bytes_of(value));
        if (bytes.size() != type.size)
          return invalid_avro_json(
              fmt::format("{} has {} bytes, not {}", type.name, type.size, bytes.size()));
        out_ += bytes;
        return {};
      }
      case AvroKind::Enum: {
        TRY(expect(JsonKind::String));
        const auto found = std::ranges::find(type.symbols, value.text);
        if (found == type.symbols.end())
          return invalid_avro_json(fmt::format("{} has no symbol \"{}\"", type.name, value.text));
        append_whole(out_, found - type.symbols.begin());
        return {};
      }
      case AvroKind::Array:
        TRY(expect(JsonKind::Array));
        if (!value.items.empty()) append_whole(out_, static_cast<int64_t>(value.items.size()));
        for (const JsonTree& item : value.items) TRY(encode(*type.element, item, depth + 1));
        append_whole(out_, 0);
        return {};
      case AvroKind::Map:
        TRY(expect(JsonKind::Object));
        if (!value.members.empty()) append_whole(out_, static_cast<int64_t>(value.members.size()));
        for (const auto& [name, member] : value.members) {
          append_json_text(out_, name);
          TRY(encode(*type.element, member, depth + 1));
        }
        append_whole(out_, 0);
        return {};
      case AvroKind::Record:
        TRY(expect(JsonKind::Object));
        return encode_record(type, value, depth);
      case AvroKind::Union:
        return encode_union(type, value, depth);
    }
    return invalid_avro_json("the schema has a type that is not known");
  }

 private:
  Status encode_whole(const AvroType& type, const JsonTree& value) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(value.text, &number) ||
        (type.kind == AvroKind::Int && (number < INT32_MIN || number > INT32_MAX)))
      return invalid_avro_json(
          fmt::format("{} is not a valid {}", value.text, avro_kind_name(type.kind)));
    append_whole(out_, number);
    return {};
  }
  Status encode_float(const AvroType& type, const JsonTree& value) {
    double number = 0;
    if (!absl::SimpleAtod(value.text, &number))
      return invalid_avro_json(
          fmt::format("{} is not a valid {}", value.text, avro_kind_name(type.kind)));
    if (type.kind == AvroKind::Float)
      append_json_little_endian(out_, static_cast<float>(number));
    else
      append_json_little_endian(out_, number);
    return {};
  }

  Status encode_record(const AvroType& type, const JsonTree& value, int depth) {
    for (const auto& [name, member] : value.members)
      if (!type.find_field(name))
        return invalid_avro_json(fmt::format("{} has no field \"{}\"", type.name, name));
    for (const AvroField& field : type.fields) {
      const JsonTree* member = value.find(field.name);
      if (!member && field.otherwise) member = &*field.otherwise;
      if (!member)
        return invalid_avro_json(fmt::format("{} lacks its field \"{}\"", type.name, field.name));
      if (Status done = encode(*field.type, *member, depth + 1); !done) {
        Error error = done.error();
        error.message = fmt::format("{}: {}", field.name, error.message);
        return error;
      }
    }
    return {};
  }

  Status encode_union(const AvroType& type, const JsonTree& value, int depth) {
    const size_t begin = out_.size();
    const auto try_branch = [&](size_t index, const JsonTree& of) -> Status {
      out_.resize(begin);
      append_whole(out_, static_cast<int64_t>(index));
      return encode(*type.branches[index], of, depth + 1);
    };
    if (value.kind == JsonKind::Object && value.members.size() == 1)
      for (size_t i = 0; i < type.branches.size(); ++i)
        if (json_branch_name(*type.branches[i]) == value.members.front().first)
          return try_branch(i, value.members.front().second);
    // If a value does not name its branch, the first branch that can hold the value is used. Nested unions would
    // try all combinations, so their number is limited.
    if (plain_unions_ > kMaxPlainUnions)
      return invalid_avro_json("values of unions lie within each other: name their types");
    ++plain_unions_;
    Status last = invalid_avro_json("the union has no type for it");
    for (size_t i = 0; i < type.branches.size(); ++i) {
      last = try_branch(i, value);
      if (last) break;
    }
    --plain_unions_;
    return last;
  }

  static constexpr int kMaxPlainUnions = 4;
  std::string& out_;
  int plain_unions_ = 0;
};

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : in_(bytes) {}

  Result<std::string> decode(const AvroType& type) {
    TRY(value(type, 0));
    if (!in_.at_end())
      return invalid_avro_json("the record has more bytes than its schema defines");
    return std::move(json_);
  }

 private:
  Status check(int depth) const {
    if (in_.failed()) return invalid_avro_json("the record ends before its schema does");
    if (depth > kMaxAvroJsonDepth) return invalid_avro_json("the record is nested too deep");
    if (json_.size() > kMaxJsonBytes)
      return Error{ErrorCode::LimitExceeded, "the record is too long as JSON"};
    return {};
  }

  Status value(const AvroType& type, int depth) {
    TRY(check(depth));
    switch (type.kind) {
      case AvroKind::Null:
        json_ += "null";
        break;
      case AvroKind::Boolean:
        json_ += in_.bytes(1) == std::string_view("\1", 1) ? "true" : "false";
        break;
      case AvroKind::Int:
      case AvroKind::Long:
        json_ += fmt::to_string(in_.whole());
        break;
      case AvroKind::Float:
        number(in_.little_endian<float>());
        break;
      case AvroKind::Double:
        number(in_.little_endian<double>());
        break;
      case AvroKind::String: {
        const std::string_view text = in_.text();
        if (is_utf8(text))
          append_json_string(json_, text);
        else
          append_json_string(json_, repaired_utf8(text));
        break;
      }
      case AvroKind::Bytes:
        append_bytes_as_text(json_, in_.text());
        break;
      case AvroKind::Fixed:
        append_bytes_as_text(json_, in_.bytes(type.size));
        break;
      case AvroKind::Enum: {
        const int64_t index = in_.whole();
        if (index < 0 || static_cast<size_t>(index) >= type.symbols.size())
          return invalid_avro_json(fmt::format("{} has no symbol {}", type.name, index));
        append_json_string(json_, type.symbols[static_cast<size_t>(index)]);
        break;
      }
      case AvroKind::Array:
        return items(type, depth, '[', ']');
      case AvroKind::Map:
        return items(type, depth, '{', '}');
      case AvroKind::Record:
        return record(type, depth);
      case AvroKind::Union: {
        const int64_t index = in_.whole();
        if (index < 0 || static_cast<size_t>(index) >= type.branches.size())
          return invalid_avro_json(fmt::format("a union has no branch {}", index));
        return branch(*type.branches[static_cast<size_t>(index)], depth);
      }
    }
    return check(depth);
  }

  template <class T>
  void number(T value) {
    if (std::isfinite(value))
      json_ += fmt::format("{}", value);
    else
      json_ += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  }

  Status items(const AvroType& type, int depth, char open, char close) {
    json_ += open;
    bool is_first = true;
    while (const size_t count = in_.block()) {
      for (size_t i = 0; i < count; ++i) {
        if (!std::exchange(is_first, false)) json_ += ',';
        if (type.kind == AvroKind::Map) {
          append_json_string(json_, repaired_utf8(in_.text()));
          json_ += ':';
        }
        TRY(value(*type.element, depth + 1));
      }
    }
    json_ += close;
    return check(depth);
  }

  Status record(const AvroType& type, int depth) {
    json_ += '{';
    for (size_t i = 0; i < type.fields.size(); ++i) {
      if (i > 0) json_ += ',';
      append_json_string(json_, type.fields[i].name);
      json_ += ':';
      TRY(value(*type.fields[i].type, depth + 1));
    }
    json_ += '}';
    return check(depth);
  }

  Status branch(const AvroType& type, int depth) {
    if (type.kind == AvroKind::Null) return value(type, depth + 1);
    json_ += '{';
    append_json_string(json_, json_branch_name(type));
    json_ += ':';
    TRY(value(type, depth + 1));
    json_ += '}';
    return {};
  }

  AvroCursor in_;
  std::string json_;
};

}  // namespace

Status append_avro_of_json(std::string& out, const AvroType& type, const JsonTree& value) {
  return Encoder(out).encode(type, value, 0);
}

Result<std::string> json_of_avro(const AvroType& type, std::string_view bytes) {
  return Decoder(bytes).decode(type);
}

}  // namespace engine
