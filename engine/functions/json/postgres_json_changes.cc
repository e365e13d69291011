// PostgreSQL's operators and functions that change jsonb. A result is put together from slices of
// the arguments' texts. At the end, the members of objects are sorted in jsonb's order.
#include <fmt/format.h>

#include <algorithm>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/json/json_slices.h"
#include "engine/functions/json/json_tree.h"
#include "engine/functions/lists.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_json.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

using json::is_container;
using json::MemberSlice;
using json::SliceKind;
using json::unfit;
using Text = std::string_view;

Result<SqlType> jsonb_type(std::span<const SqlType>) {
  return SqlType(TypeKind::String).labelled(label::kJsonb);
}

// Writes a container with these members as jsonb does; `show` appends each member.
template <class Members, class Show>
std::string written(SliceKind kind, const Members& members, Show show) {
  std::string out(kind == SliceKind::Object ? "{" : "[");
  bool is_first = true;
  for (const auto& member : members) {
    if (!is_first) out += ", ";
    is_first = false;
    show(out, member);
  }
  out += kind == SliceKind::Object ? '}' : ']';
  return out;
}
void show_member(std::string& out, const MemberSlice& member) {
  if (!member.name.empty()) {
    out += member.name;
    out += ": ";
  }
  out += member.value;
}
std::string written(SliceKind kind, const std::vector<MemberSlice>& members) {
  return written(kind, members, show_member);
}

// ---- Operator ||

// Returns the elements of an array, or a value of another kind as the only element.
Result<std::vector<MemberSlice>> as_elements(Text slice) {
  if (json::kind_of(slice) == SliceKind::Array) return json::members_of(slice);
  return std::vector<MemberSlice>{{{}, slice}};
}

Result<std::string> concat_json(Text first, Text second) {
  const Text left = TRY(json::whole_slice(first)), right = TRY(json::whole_slice(second));
  const bool are_objects =
      json::kind_of(left) == SliceKind::Object && json::kind_of(right) == SliceKind::Object;
  std::vector<MemberSlice> members =
      are_objects ? TRY(json::members_of(left)) : TRY(as_elements(left));
  const std::vector<MemberSlice> more =
      are_objects ? TRY(json::members_of(right)) : TRY(as_elements(right));
  members.insert(members.end(), more.begin(), more.end());
  // normal_jsonb() keeps the later of two members with equal names.
  return normal_jsonb(written(are_objects ? SliceKind::Object : SliceKind::Array, members));
}

// ---- Operator -

// Returns the result in jsonb's form. If the first argument is jsonb, the result already has this
// form.
Result<std::string> as_jsonb(const KernelCall& call, Result<std::string> made) {
  const bool is_normal = call.args[0].type().label() == label::kJsonb;
  return is_normal || !made ? std::move(made) : normal_jsonb(*made);
}

template <class IsGone>
Result<std::string> without(Text text, IsGone is_gone) {
  const Text slice = TRY(json::whole_slice(text));
  const SliceKind kind = json::kind_of(slice);
  if (!is_container(kind)) return unfit("cannot delete from scalar");
  std::vector<MemberSlice> members = TRY(json::members_of(slice));
  std::erase_if(members, [&](const MemberSlice& member) {
    const Text key = kind == SliceKind::Object ? member.name : member.value;
    return json::kind_of(key) == SliceKind::String && is_gone(key);
  });
  return written(kind, members);
}

Result<std::string> without_key(const KernelCall& call, Text text, Text key) {
  return as_jsonb(call, without(text, [key](Text said) { return json::says(said, key); }));
}

Result<std::string> without_place(const KernelCall& call, Text text, int32_t place) {
  const Text slice = TRY(json::whole_slice(text));
  const SliceKind kind = json::kind_of(slice);
  if (!is_container(kind)) return unfit("cannot delete from scalar");
  if (kind == SliceKind::Object) return unfit("cannot delete from object using integer index");
  std::vector<MemberSlice> members = TRY(json::members_of(slice));
  const auto size = static_cast<int64_t>(members.size());
  const int64_t at = place < 0 ? size + place : place;
  if (at >= 0 && at < size) members.erase(members.begin() + at);
  return as_jsonb(call, written(kind, members));
}

// The texts of an ARRAY<STRING>, with nullopt for a null element.
using Path = std::vector<std::optional<Text>>;
Path texts_of(const Argument& array, size_t row) {
  const ItemRange items = items_of(array, row);
  const Column& texts = array.column->child(0);
  Path made;
  for (uint32_t i = items.begin; i < items.end; ++i)
    made.push_back(texts.is_null(i) ? std::nullopt : std::optional(texts.data<Text>()[i]));
  return made;
}

// Calls `make(text, texts, row)` with the first two arguments, which are jsonb and ARRAY<STRING>.
template <class Make>
void with_texts(KernelCall& call, Make make) {
  call.out.resize(call.rows);
  adapters::Sink<std::string> sink(call);
  for (size_t row = 0; row < call.rows; ++row) {
    if (adapters::is_over(call, row)) return adapters::fail_rest(call, row);
    const bool has_null = std::ranges::any_of(
        call.args, [row](const Argument& argument) { return argument.is_null(row); });
    if (has_null) continue;
    const Path texts = texts_of(call.args[1], row);
    sink.put(row, as_jsonb(call, make(call.args[0].get<Text>(row), texts, row)));
  }
}

void without_keys(KernelCall& call) {
  with_texts(call, [](Text text, const Path& keys, size_t) {
    return without(text, [&keys](Text said) {
      return std::ranges::any_of(keys,
                                 [said](const auto& key) { return key && json::says(said, *key); });
    });
  });
}

// ---- Changes at the end of a path: #-, jsonb_set(), jsonb_insert()

enum class Change : uint8_t { Delete, Set, InsertBefore, InsertAfter };

// Applies a change at the end of a path and rebuilds each enclosing level.
class PathChange {
 public:
  // `value` is set or inserted. For Set, `creates` determines whether missing members are created.
  PathChange(Change change, const Path& path, Text value, bool creates)
      : change_(change), path_(path), value_(value), creates_(creates) {}

  Result<std::string> of(Text text) const {
    const Text slice = TRY(json::whole_slice(text));
    if (!is_container(json::kind_of(slice)))
      return unfit(change_ == Change::Delete ? "cannot delete path in scalar"
                                             : "cannot set path in scalar");
    if (path_.empty()) return std::string(slice);
    return at(slice, 0);
  }

 private:
  bool is_last(size_t step) const { return step + 1 == path_.size(); }

  Result<std::string> at(Text slice, size_t step) const {
    const SliceKind kind = json::kind_of(slice);
    // a scalar has no members or elements, so it is returned unchanged
    if (!is_container(kind)) return std::string(slice);
    if (!path_[step]) return unfit(fmt::format("path element at position {} is null", step + 1));
    return kind == SliceKind::Object ? in_object(slice, step) : in_array(slice, step);
  }

  Result<std::string> in_object(Text slice, size_t step) const {
    std::vector<MemberSlice> members = TRY(json::members_of(slice));
    const auto found = std::ranges::find_if(
        members, [&](const MemberSlice& member) { return json::says(member.name, *path_[step]); });
    if (found == members.end()) {
      const bool adds =
          is_last(step) && change_ != Change::Delete && (change_ != Change::Set || creates_);
      if (!adds) return std::string(slice);
      std::string name;
      append_json_string(name, *path_[step]);
      members.push_back({name, value_});
      return normal_jsonb(written(SliceKind::Object, members));
    }
    std::string changed;
    if (!is_last(step)) {
      changed = TRY(at(found->value, step + 1));
      found->value = changed;
    } else if (change_ == Change::Delete) {
      members.erase(found);
    } else if (change_ == Change::Set) {
      found->value = value_;
    } else {
      return unfit("cannot replace existing key")
          .with_hint("Try using the function jsonb_set to replace key value.");
    }
    return written(SliceKind::Object, members);
  }

  Result<std::string> in_array(Text slice, size_t step) const {
    const auto place = parse_integer(*path_[step]);
    if (!place)
      return Error{ErrorCode::InvalidText,
                   fmt::format("path element at position {} is not an integer: \"{}\"", step + 1,
                               *path_[step])};
    std::vector<MemberSlice> members = TRY(json::members_of(slice));
    const auto size = static_cast<int64_t>(members.size());
    const int64_t wanted = *place < 0 ? size + *place : *place;
    if (wanted < 0 || wanted >= size) return outside(slice, std::move(members), step, wanted < 0);
    const auto found = members.begin() + wanted;
    std::string changed;
    if (!is_last(step)) {
      changed = TRY(at(found->value, step + 1));
      found->value = changed;
    } else if (change_ == Change::Delete) {
      members.erase(found);
    } else if (change_ == Change::Set) {
      found->value = value_;
    } else {
      members.insert(found + (change_ == Change::InsertAfter ? 1 : 0), MemberSlice{{}, value_});
    }
    return written(SliceKind::Array, members);
  }

  // Handles an index outside of an array: inserts before the first or after the last element, whichever is nearer.
  Result<std::string> outside(Text slice, std::vector<MemberSlice> members, size_t step,
                              bool is_before) const {
    const bool adds =
        is_last(step) && change_ != Change::Delete && (change_ != Change::Set || creates_);
    if (!adds) return std::string(slice);
    members.insert(is_before ? members.begin() : members.end(), MemberSlice{{}, value_});
    return written(SliceKind::Array, members);
  }

  const Change change_;
  const Path& path_;
  const Text value_;
  const bool creates_;
};

void without_path(KernelCall& call) {
  with_texts(call, [](Text text, const Path& path, size_t) {
    return PathChange(Change::Delete, path, {}, false).of(text);
  });
}

// Returns the fourth argument, which is create_if_missing of jsonb_set (default true) or insert_after of jsonb_insert
// (default false).
bool flag(const KernelCall& call, size_t row, bool otherwise) {
  constexpr size_t kFlag = 3;
  return call.args.size() > kFlag ? call.args[kFlag].get<uint8_t>(row) != 0 : otherwise;
}

void set(KernelCall& call) {
  with_texts(call, [&call](Text text, const Path& path, size_t row) -> Result<std::string> {
    const std::string value = TRY(normal_jsonb(call.args[2].get<Text>(row)));
    return PathChange(Change::Set, path, value, flag(call, row, true)).of(text);
  });
}

void insert(KernelCall& call) {
  with_texts(call, [&call](Text text, const Path& path, size_t row) -> Result<std::string> {
    const std::string value = TRY(normal_jsonb(call.args[2].get<Text>(row)));
    const Change change = flag(call, row, false) ? Change::InsertAfter : Change::InsertBefore;
    return PathChange(change, path, value, true).of(text);
  });
}

// ---- Forms

// Appends a value without members that are null. This function and append_pretty() walk all levels, and limit the
// depth, because texts may come from clients.
Status append_stripped(const EvalContext& context, std::string& out, Text slice, int depth) {
  const SliceKind kind = json::kind_of(slice);
  if (depth > json::kMaxDepth) return json::too_deep();
  if (!is_container(kind)) {
    out += slice;
    return {};
  }
  // The time is checked for each object and array, because the walk scans the text of each one again. A deep text is
  // scanned once for each level.
  if (context.is_over()) return context.budget->status();
  out += slice.front();
  bool is_first = true;
  json::MemberWalk walk(slice);
  while (const auto member = TRY(walk.next())) {
    if (!member->name.empty() && json::kind_of(member->value) == SliceKind::Null) continue;
    if (!is_first) out += ',';
    is_first = false;
    if (!member->name.empty()) {
      out += member->name;
      out += ':';
    }
    TRY(append_stripped(context, out, member->value, depth + 1));
  }
  out += kind == SliceKind::Object ? '}' : ']';
  return {};
}

Result<std::string> strip(const KernelCall& call, Text text) {
  const Text slice = TRY(json::whole_slice(text));
  std::string out;
  TRY(append_stripped(call.context, out, slice, 0));
  return call.args[0].type().label() == label::kJsonb ? normal_jsonb(out)
                                                      : Result<std::string>(std::move(out));
}

Status append_pretty(const EvalContext& context, std::string& out, Text slice, size_t depth) {
  const SliceKind kind = json::kind_of(slice);
  if (depth > json::kMaxDepth) return json::too_deep();
  if (!is_container(kind)) {
    out += slice;
    return {};
  }
  if (context.is_over()) return context.budget->status();
  // The size is checked here, because the indented text of a deep document is much longer than the input.
  if (!context.has_bytes(out.size())) return context.too_large(out.size());
  constexpr size_t kIndent = 4;
  out += slice.front();
  bool is_first = true;
  json::MemberWalk walk(slice);
  while (const auto member = TRY(walk.next())) {
    out += is_first ? "\n" : ",\n";
    is_first = false;
    out.append((depth + 1) * kIndent, ' ');
    if (!member->name.empty()) {
      out += member->name;
      out += ": ";
    }
    TRY(append_pretty(context, out, member->value, depth + 1));
  }
  out += '\n';
  out.append(depth * kIndent, ' ');
  out += kind == SliceKind::Object ? '}' : ']';
  return {};
}

Result<std::string> pretty(const KernelCall& call, Text text) {
  std::string out;
  const std::string normal = TRY(normal_jsonb(text));
  TRY(append_pretty(call.context, out, normal, 0));
  return out;
}

constexpr FunctionDef kPostgresJsonChangesDefs[] = {
    {.name = "pg_catalog.json_concat",
     .signature = "(STRING left, STRING right) -> STRING",
     .doc =
         "Computes jsonb || jsonb: merges objects, or joins arrays and other values in one array.",
     .example =
         R"(CAST(PG_CATALOG.JSON_CONCAT('{"a": 1}', '{"b": 2}') AS VARCHAR) = '{"a": 1, "b": 2}')",
     .kernel = row_kernel<concat_json>,
     .returns = jsonb_type},
    {.name = "pg_catalog.json_delete",
     .signature = "(STRING json, STRING key) -> STRING",
     .doc = "Computes jsonb - 'key': removes the member with this name, or equal strings from an "
            "array.",
     .example = R"(CAST(PG_CATALOG.JSON_DELETE('{"a": 1}', 'a') AS VARCHAR) = '{}')",
     .kernel = row_kernel<without_key>,
     .returns = jsonb_type},
    {.name = "pg_catalog.json_delete",
     .signature = "(STRING json, INT place) -> STRING",
     .doc = "The function of jsonb - 0: removes the element at that position of an array.",
     .example = "CAST(PG_CATALOG.JSON_DELETE('[1, 2]', -1) AS VARCHAR) = '[1]'",
     .kernel = row_kernel<without_place>,
     .returns = jsonb_type},
    {.name = "pg_catalog.json_delete",
     .signature = "(STRING json, ARRAY<STRING> keys) -> STRING",
     .doc = "The function of jsonb - ARRAY['a', 'b']: removes each of these.",
     .example =
         R"(CAST(PG_CATALOG.JSON_DELETE('{"a": 1, "b": 2}', ARRAY['a']) AS VARCHAR) = '{"b": 2}')",
     .kernel = without_keys,
     .returns = jsonb_type},
    {.name = "pg_catalog.json_delete_path",
     .signature = "(STRING json, ARRAY<STRING> path) -> STRING",
     .doc = "Computes jsonb #- '{a,0}': removes the value at the end of a path.",
     .example =
         R"(CAST(PG_CATALOG.JSON_DELETE_PATH('{"a": [1]}', ARRAY['a', '0']) AS VARCHAR) = '{"a": []}')",
     .kernel = without_path,
     .returns = jsonb_type},
    {.name = "jsonb_set",
     .signature = "(STRING json, ARRAY<STRING> path, STRING value) -> STRING",
     .doc = "JSON in which the value at the end of a path is replaced.",
     .example = R"(CAST(JSONB_SET('{"a": [1]}', ARRAY['a', '0'], '5') AS VARCHAR) = '{"a": [5]}')",
     .kernel = set,
     .returns = jsonb_type},
    {.name = "jsonb_set",
     .signature = "(STRING json, ARRAY<STRING> path, STRING value, BOOLEAN creates) -> STRING",
     .doc = "JSON with another value at the end of a path; `creates` controls whether a missing "
            "one is added (true by default).",
     .example = R"(CAST(JSONB_SET('{}', ARRAY['a'], '5', false) AS VARCHAR) = '{}')",
     .kernel = set,
     .returns = jsonb_type},
    {.name = "jsonb_insert",
     .signature = "(STRING json, ARRAY<STRING> path, STRING value) -> STRING",
     .doc = "JSON with one more member, or with one more element before the element at the end of "
            "the path.",
     .example = R"(CAST(JSONB_INSERT('[1]', ARRAY['0'], '5') AS VARCHAR) = '[5, 1]')",
     .kernel = insert,
     .returns = jsonb_type},
    {.name = "jsonb_insert",
     .signature = "(STRING json, ARRAY<STRING> path, STRING value, BOOLEAN after) -> STRING",
     .doc = "JSON with one more member, or one more element before or after the one at a position.",
     .example = R"(CAST(JSONB_INSERT('[1]', ARRAY['0'], '5', true) AS VARCHAR) = '[1, 5]')",
     .kernel = insert,
     .returns = jsonb_type},
    {.name = "json_strip_nulls",
     .signature = "(STRING json) -> STRING",
     .doc = "JSON without members that are null, at all levels.",
     .example = R"(CAST(JSON_STRIP_NULLS('{"a": null, "b": 1}') AS VARCHAR) = '{"b":1}')",
     .kernel = row_kernel<strip>,
     .returns = json::type_of_part},
    {.name = "jsonb_pretty",
     .signature = "(STRING json) -> STRING",
     .doc = "JSON on several lines, indented.",
     .example = R"(JSONB_PRETTY('[]') = CONCAT('[', CHR(10), ']'))",
     .kernel = row_kernel<pretty>},
};

}  // namespace

const FunctionFamily kPostgresJsonChanges{"POSTGRESQL", kPostgresJsonChangesDefs};

}  // namespace engine
