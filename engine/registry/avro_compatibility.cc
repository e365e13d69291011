// Avro's rules of schema resolution (the specification's section of that name).
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/formats/avro/avro_schema.h"
#include "engine/registry/compatibility.h"

namespace engine {

namespace {

// More say nothing new.
constexpr size_t kMaxProblems = 20;

std::string_view last_name(std::string_view full) { return full.substr(full.rfind('.') + 1); }

std::string name_of(const AvroType& type) {
  return type.name.empty() ? std::string(avro_kind_name(type.kind)) : type.name;
}

class Resolution {
 public:
  std::vector<std::string> take() { return std::move(problems_); }

  // Whether a value of `writer` can be read; notes why not.
  bool check(const AvroType& reader, const AvroType& writer, const std::string& path) {
    // What is being compared already is taken for possible: types may refer to themselves.
    const auto [known, is_new] = compared_.emplace(std::pair(&reader, &writer), true);
    if (!is_new) return known->second;
    const bool ok = compare(reader, writer, path);
    compared_[{&reader, &writer}] = ok;
    return ok;
  }

 private:
  bool fail(const std::string& path, std::string_view kind, std::string message) {
    if (problems_.size() < kMaxProblems)
      problems_.push_back(fmt::format("{} at '{}': {}", kind, path.empty() ? "/" : path, message));
    return false;
  }

  bool compare(const AvroType& reader, const AvroType& writer, const std::string& path) {
    if (writer.kind == AvroKind::Union) {
      bool ok = true;
      for (size_t i = 0; i < writer.branches.size(); ++i)
        ok &= check(reader, *writer.branches[i], fmt::format("{}/{}", path, i));
      return ok;
    }
    if (reader.kind == AvroKind::Union) return check_reader_union(reader, writer, path);
    if (reader.kind != writer.kind) {
      if (is_promotable(reader.kind, writer.kind)) return true;
      return fail(path, "TYPE_MISMATCH",
                  fmt::format("reader type: {} not compatible with writer type: {}",
                              name_of(reader), name_of(writer)));
    }
    switch (reader.kind) {
      case AvroKind::Array:
        return check(*reader.element, *writer.element, path + "/items");
      case AvroKind::Map:
        return check(*reader.element, *writer.element, path + "/values");
      case AvroKind::Fixed:
        if (!check_name(reader, writer, path)) return false;
        return reader.size == writer.size ||
               fail(path + "/size", "FIXED_SIZE_MISMATCH",
                    fmt::format("expected: {}, found: {}", writer.size, reader.size));
      case AvroKind::Enum:
        return check_name(reader, writer, path) && check_symbols(reader, writer, path);
      case AvroKind::Record:
        return check_name(reader, writer, path) && check_fields(reader, writer, path);
      default:
        return true;
    }
  }

  static bool is_promotable(AvroKind reader, AvroKind writer) {
    switch (reader) {
      case AvroKind::Long:
        return writer == AvroKind::Int;
      case AvroKind::Float:
        return writer == AvroKind::Int || writer == AvroKind::Long;
      case AvroKind::Double:
        return writer == AvroKind::Int || writer == AvroKind::Long || writer == AvroKind::Float;
      case AvroKind::Bytes:
        return writer == AvroKind::String;
      case AvroKind::String:
        return writer == AvroKind::Bytes;
      default:
        return false;
    }
  }

  bool check_reader_union(const AvroType& reader, const AvroType& writer, const std::string& path) {
    for (const AvroType* branch : reader.branches) {
      Resolution alone;
      alone.compared_ = compared_;
      if (alone.check(*branch, writer, path)) return true;
    }
    return fail(path, "MISSING_UNION_BRANCH",
                fmt::format("reader union lacking writer type: {}", name_of(writer)));
  }

  bool check_name(const AvroType& reader, const AvroType& writer, const std::string& path) {
    if (last_name(reader.name) == last_name(writer.name)) return true;
    for (const std::string& alias : reader.aliases)
      if (alias == writer.name || last_name(alias) == last_name(writer.name)) return true;
    return fail(path + "/name", "NAME_MISMATCH", "expected: " + writer.name);
  }

  bool check_symbols(const AvroType& reader, const AvroType& writer, const std::string& path) {
    if (reader.default_symbol) return true;
    std::string missing;
    for (const std::string& symbol : writer.symbols) {
      if (std::ranges::find(reader.symbols, symbol) != reader.symbols.end()) continue;
      if (!missing.empty()) missing += ", ";
      missing += symbol;
    }
    return missing.empty() || fail(path + "/symbols", "MISSING_ENUM_SYMBOLS", "[" + missing + "]");
  }

  static const AvroField* find_written(const AvroField& field, const AvroType& writer) {
    if (const AvroField* same = writer.find_field(field.name)) return same;
    for (const std::string& alias : field.aliases)
      if (const AvroField* named = writer.find_field(alias)) return named;
    return nullptr;
  }

  bool check_fields(const AvroType& reader, const AvroType& writer, const std::string& path) {
    bool ok = true;
    for (size_t i = 0; i < reader.fields.size(); ++i) {
      const AvroField& field = reader.fields[i];
      const std::string at = fmt::format("{}/fields/{}", path, i);
      if (const AvroField* written = find_written(field, writer))
        ok &= check(*field.type, *written->type, at + "/type");
      else if (!field.otherwise)
        ok = fail(at, "READER_FIELD_MISSING_DEFAULT_VALUE", field.name);
    }
    return ok;
  }

  std::map<std::pair<const AvroType*, const AvroType*>, bool> compared_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> avro_read_problems(const SchemaText& reader, const SchemaText& writer) {
  const Result<AvroSchemaPtr> from = AvroSchema::parse(writer), to = AvroSchema::parse(reader);
  if (!from) return {from.error().message};
  if (!to) return {to.error().message};
  Resolution resolution;
  resolution.check((*to)->root(), (*from)->root(), "");
  return resolution.take();
}

}  // namespace engine
