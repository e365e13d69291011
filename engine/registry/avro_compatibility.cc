// Checks Avro schemas by the rules of the section "Schema Resolution" of Avro's specification.
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/formats/avro/avro_schema.h"
#include "engine/registry/compatibility.h"

namespace engine {

namespace {

// Limit on reported problems; more would add nothing new.
constexpr size_t kMaxProblems = 20;
// Limit on comparisons, because nested unions can be read in exponentially many ways.
constexpr size_t kMaxComparisons = 200'000;
// The cost of comparing two types, and of comparing two names, in steps of Effort.
constexpr int64_t kStepsOfCheck = 30;
constexpr int64_t kStepsOfSymbol = 10;

int64_t count_of(size_t size) { return static_cast<int64_t>(size); }

std::string_view last_name(std::string_view full) { return full.substr(full.rfind('.') + 1); }

std::string name_of(const AvroType& type) {
  return type.name.empty() ? std::string(avro_kind_name(type.kind)) : type.name;
}

class Resolution {
 public:
  explicit Resolution(Effort& effort) : effort_(effort) {}
  std::vector<std::string> take() { return std::move(problems_); }

  // Returns whether `reader` can read the values of `writer`; records the reason if not.
  bool check(const AvroType& reader, const AvroType& writer, const std::string& path) {
    if (!effort_.spend(kStepsOfCheck)) return false;
    // A pair that is being compared already is assumed compatible, because types may be recursive.
    const auto [known, is_new] = compared_.emplace(std::pair(&reader, &writer), true);
    if (!is_new) return known->second;
    if (++comparisons_ > kMaxComparisons)
      return fail(path, "SCHEMA_TOO_LARGE_TO_COMPARE", "its unions have too many ways to be read");
    trail_.push_back(&*known);
    const bool ok = compare(reader, writer, path);
    known->second = ok;
    return ok;
  }

 private:
  using Compared = std::map<std::pair<const AvroType*, const AvroType*>, bool>;

  bool fail(const std::string& path, std::string_view kind, std::string message) {
    if (is_quiet_ == 0 && problems_.size() < kMaxProblems)
      problems_.push_back(
          fmt::format("{{errorType:'{}', description:'at path {}', additionalInfo:'{}'}}", kind,
                      path.empty() ? "/" : path, message));
    return false;
  }

  // Returns whether the pair is compatible, without recording problems. After a failed attempt, the compatible results
  // that were found during the attempt are forgotten, because they may have relied on the assumption that the failed
  // pair is compatible. Incompatible results remain valid.
  bool is_possible(const AvroType& reader, const AvroType& writer, const std::string& path) {
    const size_t begin = trail_.size();
    ++is_quiet_;
    const bool ok = check(reader, writer, path);
    --is_quiet_;
    if (ok) return true;
    effort_.spend(kStepsOfCheck * count_of(trail_.size() - begin));
    for (size_t i = begin; i < trail_.size(); ++i)
      if (trail_[i]->second) compared_.erase(Compared::key_type(trail_[i]->first));
    trail_.resize(begin);
    return false;
  }

  bool compare(const AvroType& reader, const AvroType& writer, const std::string& path) {
    if (writer.kind == AvroKind::Union) {
      bool ok = true;
      for (size_t i = 0; i < writer.branches.size() && !effort_.is_spent(); ++i)
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
      if (is_possible(*branch, writer, path)) return true;
      if (effort_.is_spent()) return false;
    }
    return fail(path, "MISSING_UNION_BRANCH",
                fmt::format("reader union lacking writer type: {}", name_of(writer)));
  }

  bool check_name(const AvroType& reader, const AvroType& writer, const std::string& path) {
    if (last_name(reader.name) == last_name(writer.name)) return true;
    effort_.spend(count_of(reader.aliases.size()));
    for (const std::string& alias : reader.aliases)
      if (alias == writer.name || last_name(alias) == last_name(writer.name)) return true;
    return fail(path + "/name", "NAME_MISMATCH", "expected: " + writer.name);
  }

  bool check_symbols(const AvroType& reader, const AvroType& writer, const std::string& path) {
    if (reader.default_symbol) return true;
    if (!effort_.spend(kStepsOfSymbol * count_of(reader.symbols.size() + writer.symbols.size())))
      return false;
    std::string missing;
    const absl::flat_hash_set<std::string_view> known(reader.symbols.begin(), reader.symbols.end());
    for (const std::string& symbol : writer.symbols) {
      if (known.contains(symbol)) continue;
      if (!missing.empty()) missing += ", ";
      missing += symbol;
    }
    return missing.empty() || fail(path + "/symbols", "MISSING_ENUM_SYMBOLS", "[" + missing + "]");
  }

  using FieldsByName = absl::flat_hash_map<std::string_view, const AvroField*>;

  const AvroField* find_written(const AvroField& field, const FieldsByName& written) {
    effort_.spend(kStepsOfSymbol * count_of(1 + field.aliases.size()));
    if (const auto same = written.find(field.name); same != written.end()) return same->second;
    for (const std::string& alias : field.aliases)
      if (const auto named = written.find(alias); named != written.end()) return named->second;
    return nullptr;
  }

  bool check_fields(const AvroType& reader, const AvroType& writer, const std::string& path) {
    bool ok = true;
    if (!effort_.spend(kStepsOfSymbol * count_of(writer.fields.size()))) return false;
    FieldsByName fields;
    for (const AvroField& each : writer.fields) fields.emplace(each.name, &each);
    for (size_t i = 0; i < reader.fields.size() && !effort_.is_spent(); ++i) {
      const AvroField& field = reader.fields[i];
      const std::string at = fmt::format("{}/fields/{}", path, i);
      if (const AvroField* written = find_written(field, fields))
        ok &= check(*field.type, *written->type, at + "/type");
      else if (!field.otherwise)
        ok = fail(at, "READER_FIELD_MISSING_DEFAULT_VALUE", field.name);
    }
    return ok;
  }

  Effort& effort_;
  Compared compared_;
  std::vector<Compared::value_type*> trail_;  // entries of compared_, in insertion order
  size_t comparisons_ = 0;
  std::vector<std::string> problems_;
  int is_quiet_ = 0;  // > 0 within a union, where another branch may fit: no problem is recorded
};

}  // namespace

std::vector<std::string> avro_read_problems(const SchemaText& reader, const SchemaText& writer,
                                            Effort& effort) {
  const Result<AvroSchemaPtr> from = AvroSchema::parse(writer), to = AvroSchema::parse(reader);
  if (!from) return {from.error().message};
  if (!to) return {to.error().message};
  Resolution resolution(effort);
  resolution.check((*to)->root(), (*from)->root(), "");
  return resolution.take();
}

}  // namespace engine
