// Converts C++ values to JSON and back, from one description. The description of a struct is the
// table of its members, that of an enumeration the table of its names:
//
//   template <> struct JsonFields<Point> {
//     static constexpr auto fields = std::tuple(json_field("x", &Point::x), json_field("y", &Point::y));
//   };
//   template <> struct JsonNames<Colour> {
//     static constexpr std::pair<Colour, std::string_view> names[] = {{Colour::Red, "red"}};
//   };
//
// A member that has its default value is not written, and a member that is missing in the JSON
// keeps its default. So a new member may be added if its default means the earlier behaviour. A
// member without a line in the table would not be stored; therefore such a table does not compile.
// Include this file only in .cc files, because it includes simdjson.
#pragma once
#include <concepts>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "engine/json/json_reader.h"
#include "engine/json/json_writer.h"
#include "engine/json/member_count.h"

namespace engine {

template <class T>
struct JsonFields;
template <class T>
struct JsonNames;

// A specialisation has `write(JsonWriter&, const T&)` and `bool read(JsonValue, T&)`. It is needed
// for each type that is neither a struct with JsonFields nor an enumeration with JsonNames.
template <class T>
struct JsonCodec;

template <class T>
void write_json(JsonWriter& out, const T& value) {
  JsonCodec<T>::write(out, value);
}
template <class T>
bool read_json(const JsonValue& json, T& value) {
  return JsonCodec<T>::read(json, value);
}
template <class T>
bool read_member(const JsonValue& json, std::string_view name, T& value) {
  const auto member = json.find(name);
  return !member || read_json(*member, value);
}

template <class Struct, class Member>
struct JsonField {
  std::string_view name;
  Member Struct::*member;
};
template <class Struct, class Member>
constexpr JsonField<Struct, Member> json_field(std::string_view name, Member Struct::*member) {
  return {name, member};
}

template <class T>
concept HasJsonFields = requires {
  JsonFields<T>::fields;
};
template <class T>
concept HasJsonNames = requires {
  JsonNames<T>::names;
};

// ---- Single values ----

template <>
struct JsonCodec<bool> {
  static void write(JsonWriter& out, bool value) { out.boolean(value); }
  static bool read(const JsonValue& json, bool& value) { return json.read(value); }
};

template <>
struct JsonCodec<std::string> {
  static void write(JsonWriter& out, const std::string& value) { out.text(value); }
  static bool read(const JsonValue& json, std::string& value) { return json.read(value); }
};

// Unsigned 64-bit numbers are written as int64_t with the same bits, and converted back when they
// are read.
template <std::integral T>
requires(!std::same_as<T, bool> && !std::same_as<T, char>) struct JsonCodec<T> {
  static void write(JsonWriter& out, T value) { out.number(static_cast<int64_t>(value)); }
  static bool read(const JsonValue& json, T& value) {
    int64_t number = 0;
    if (!json.read(number)) return false;
    if constexpr (sizeof(T) < sizeof(int64_t))
      if (number < static_cast<int64_t>(std::numeric_limits<T>::min()) ||
          number > static_cast<int64_t>(std::numeric_limits<T>::max()))
        return json.fail("a number is out of range");
    value = static_cast<T>(number);
    return true;
  }
};

template <HasJsonNames T>
struct JsonCodec<T> {
  static void write(JsonWriter& out, T value) {
    for (const auto& [known, name] : JsonNames<T>::names)
      if (known == value) return out.text(name);
    out.null();
  }
  static bool read(const JsonValue& json, T& value) {
    std::string text;
    if (!json.read(text)) return false;
    for (const auto& [known, name] : JsonNames<T>::names) {
      if (name != text) continue;
      value = known;
      return true;
    }
    return json.fail("\"" + text + "\" is not known here");
  }
};

// ---- Several ----

template <class T>
struct JsonCodec<std::vector<T>> {
  static void write(JsonWriter& out, const std::vector<T>& values) {
    out.begin_array();
    for (const T& value : values) write_json(out, value);
    out.end_array();
  }
  static bool read(const JsonValue& json, std::vector<T>& values) {
    values.clear();
    return json.each_item(
        [&](const JsonValue& item) { return read_json(item, values.emplace_back()); });
  }
};

// Writes a text with one character, 0 or 1, for each bit.
template <>
struct JsonCodec<std::vector<bool>> {
  static void write(JsonWriter& out, const std::vector<bool>& bits) {
    std::string text;
    for (const bool bit : bits) text += bit ? '1' : '0';
    out.text(text);
  }
  static bool read(const JsonValue& json, std::vector<bool>& bits) {
    std::string text;
    if (!json.read(text)) return false;
    bits.clear();
    for (const char c : text) bits.push_back(c == '1');
    return true;
  }
};

template <class T>
struct JsonCodec<std::optional<T>> {
  static void write(JsonWriter& out, const std::optional<T>& value) {
    if (value)
      write_json(out, *value);
    else
      out.null();
  }
  static bool read(const JsonValue& json, std::optional<T>& value) {
    value.reset();
    return json.is_null() || read_json(json, value.emplace());
  }
};

template <class T>
struct JsonCodec<std::map<std::string, T>> {
  static void write(JsonWriter& out, const std::map<std::string, T>& values) {
    out.begin_object();
    for (const auto& [name, value] : values) {
      out.key(name);
      write_json(out, value);
    }
    out.end_object();
  }
  static bool read(const JsonValue& json, std::map<std::string, T>& values) {
    values.clear();
    return json.each_member([&](std::string_view name, const JsonValue& value) {
      return read_json(value, values[std::string(name)]);
    });
  }
};

// ---- Structs ----

template <class T>
constexpr bool kIsList = false;
template <class T>
constexpr bool kIsList<std::vector<T>> = true;
template <class T>
constexpr bool kIsOptional = false;
template <class T>
constexpr bool kIsOptional<std::optional<T>> = true;

template <class T>
bool is_json_default(const T& value, const T& otherwise) {
  if constexpr (kIsList<T>)
    return value.empty() && otherwise.empty();
  else if constexpr (kIsOptional<T>)
    return !value && !otherwise;
  else if constexpr (requires(const T& a) { bool(a == a); })
    return value == otherwise;
  else
    return false;
}

// Returns whether the table has all members of the struct. JsonFields<T>::elsewhere is the number
// of members that are not in the table because they are written in another way.
template <HasJsonFields T>
consteval bool has_all_fields() {
  size_t known = std::tuple_size_v<std::remove_cvref_t<decltype(JsonFields<T>::fields)>>;
  if constexpr (requires { JsonFields<T>::elsewhere; }) known += JsonFields<T>::elsewhere;
  return known == member_count<T>();
}

// Writes the members without opening and closing the object, for a caller that adds further members
// to it.
template <HasJsonFields T>
void write_fields(JsonWriter& out, const T& value) {
  static_assert(has_all_fields<T>(), "a member of the struct has no json_field");
  static const T otherwise{};
  const auto write_one = [&](const auto& field) {
    if (is_json_default(value.*field.member, otherwise.*field.member)) return;
    out.key(field.name);
    write_json(out, value.*field.member);
  };
  std::apply([&](const auto&... fields) { (write_one(fields), ...); }, JsonFields<T>::fields);
}
template <HasJsonFields T>
bool read_fields(const JsonValue& json, T& value) {
  if (!json.is_object()) return json.fail("an object was expected");
  return std::apply(
      [&](const auto&... fields) {
        return (read_member(json, fields.name, value.*fields.member) && ...);
      },
      JsonFields<T>::fields);
}

template <HasJsonFields T>
struct JsonCodec<T> {
  static void write(JsonWriter& out, const T& value) {
    out.begin_object();
    write_fields(out, value);
    out.end_object();
  }
  static bool read(const JsonValue& json, T& value) { return read_fields(json, value); }
};

}  // namespace engine
