// PostgreSQL's operators and functions that read json and jsonb. Values are slices of the texts that contain them. A
// jsonb and all of its parts are in jsonb's normal form; json is as written.
#include <fmt/format.h>

#include <algorithm>

#include <absl/container/flat_hash_set.h>

#include "engine/functions/adapters.h"
#include "engine/functions/cells.h"
#include "engine/functions/families.h"
#include "engine/functions/json/json_slices.h"
#include "engine/functions/lists.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

using json::SliceKind;
using json::unfit;
using Text = std::string_view;
template <class T>
using Maybe = Result<std::optional<T>>;

bool is_jsonb(const SqlType& type) { return type.label() == label::kJsonb; }
Text type_name(const KernelCall& call) { return is_jsonb(call.args[0].type()) ? "jsonb" : "json"; }

Result<SqlType> type_of_parts(std::span<const SqlType> types) {
  return SqlType::array(json::part_type(types[0]));
}

// ---- One part: ->, ->>, #>, #>>

Maybe<Text> member(Text text, Text name) {
  const Text slice = TRY(json::whole_slice(text));
  return json::member_named(slice, name);
}
Maybe<Text> element(const KernelCall& call, Text text, int32_t place) {
  const Text slice = TRY(json::whole_slice(text));
  // PostgreSQL stores a scalar as an array with one element, and the operator -> finds this element
  // in jsonb.
  if (is_jsonb(call.args[0].type()) && !json::is_container(json::kind_of(slice)))
    return place == 0 || place == -1 ? std::optional(slice) : std::nullopt;
  return json::element_at(slice, place);
}

Maybe<std::string> text_of(std::optional<Text> part) {
  return part ? json::text_of(*part) : std::nullopt;
}
Maybe<std::string> member_text(Text text, Text name) { return text_of(TRY(member(text, name))); }
Maybe<std::string> element_text(const KernelCall& call, Text text, int32_t place) {
  return text_of(TRY(element(call, text, place)));
}

// Follows one step of a path, which is a name in an object or an index in an array.
Maybe<Text> step_into(Text slice, Text step) {
  if (json::kind_of(slice) != SliceKind::Array) return json::member_named(slice, step);
  const auto place = parse_integer(step);
  if (!place) return std::optional<Text>();
  return json::element_at(slice, *place);
}

// Returns the path of a row, which is an ARRAY or separate arguments; nullopt if a step is null.
std::optional<std::vector<Text>> steps_of_array(const Argument& steps, size_t row) {
  const ItemRange items = items_of(steps, row);
  const Column& texts = steps.column->child(0);
  std::vector<Text> made;
  for (uint32_t i = items.begin; i < items.end; ++i) {
    if (texts.is_null(i)) return std::nullopt;
    made.push_back(texts.data<Text>()[i]);
  }
  return made;
}
std::optional<std::vector<Text>> steps_of_arguments(std::span<const Argument> steps, size_t row) {
  std::vector<Text> made;
  for (const Argument& each : steps) {
    if (each.is_null(row)) return std::nullopt;
    made.push_back(each.get<Text>(row));
  }
  return made;
}

Maybe<Text> walk(Text text, const std::vector<Text>& steps) {
  std::optional<Text> slice = TRY(json::whole_slice(text));
  for (size_t i = 0; i < steps.size() && slice; ++i) slice = TRY(step_into(*slice, steps[i]));
  return slice;
}

enum class Steps : uint8_t { InArray, AsArguments };
enum class Given : uint8_t { AsJson, AsText };

template <Steps kind, Given given>
void walk_rows(KernelCall& call) {
  call.out.resize(call.rows);
  adapters::share_strings(call);
  adapters::Sink<std::string_view> slices(call);
  adapters::Sink<std::string> texts(call);
  for (size_t row = 0; row < call.rows; ++row) {
    if (adapters::is_over(call, row)) return adapters::fail_rest(call, row);
    if (call.args[0].is_null(row)) continue;
    std::optional<std::vector<Text>> steps;
    if constexpr (kind == Steps::AsArguments)
      steps = steps_of_arguments(call.args.subspan(1), row);
    else if (!call.args[1].is_null(row))
      steps = steps_of_array(call.args[1], row);
    if (!steps) continue;
    Maybe<Text> found = walk(call.args[0].get<Text>(row), *steps);
    if (given == Given::AsJson)
      slices.put(row, std::move(found));
    else
      texts.put(row, found ? text_of(*found) : Maybe<std::string>(std::move(found).error()));
  }
}

// ---- Kind, length, and whether a key exists

Result<Text> kind(Text text) {
  switch (json::kind_of(TRY(json::whole_slice(text)))) {
    case SliceKind::Object:
      return Text("object");
    case SliceKind::Array:
      return Text("array");
    case SliceKind::String:
      return Text("string");
    case SliceKind::Boolean:
      return Text("boolean");
    case SliceKind::Null:
      return Text("null");
    default:
      return Text("number");
  }
}

Result<int32_t> length(Text text) {
  const Text array = TRY(json::whole_slice(text));
  const SliceKind kind = json::kind_of(array);
  if (kind != SliceKind::Array)
    return unfit(fmt::format("cannot get array length of a {}",
                             kind == SliceKind::Object ? "non-array" : "scalar"));
  int32_t size = 0;
  json::MemberWalk walk(array);
  while (TRY(walk.next())) ++size;
  return size;
}

// Returns whether `key` is a name of an object, a string in an array, or the string itself.
Result<bool> has_key(Text slice, Text key) {
  switch (json::kind_of(slice)) {
    case SliceKind::Object:
      return TRY(json::member_named(slice, key)).has_value();
    case SliceKind::String:
      return json::says(slice, key);
    case SliceKind::Array:
      break;
    default:
      return false;
  }
  json::MemberWalk walk(slice);
  while (const auto element = TRY(walk.next()))
    if (json::kind_of(element->value) == SliceKind::String && json::says(element->value, key))
      return true;
  return false;
}

Result<bool> exists(Text text, Text key) { return has_key(TRY(json::whole_slice(text)), key); }

// Returns whether one of the keys, or all of them, exist. Null keys are ignored.
template <bool all>
void exist(KernelCall& call) {
  call.out.resize(call.rows);
  adapters::Sink<bool> sink(call);
  const auto ask = [&](size_t row) -> Result<bool> {
    const Text slice = TRY(json::whole_slice(call.args[0].get<Text>(row)));
    const ItemRange items = items_of(call.args[1], row);
    const Column& keys = call.args[1].column->child(0);
    for (uint32_t i = items.begin; i < items.end; ++i)
      if (!keys.is_null(i) && TRY(has_key(slice, keys.data<Text>()[i])) != all) return !all;
    return all;
  };
  for (size_t row = 0; row < call.rows; ++row) {
    if (adapters::is_over(call, row)) return adapters::fail_rest(call, row);
    if (!call.args[0].is_null(row) && !call.args[1].is_null(row)) sink.put(row, ask(row));
  }
}

// ---- @>: both sides are in the form of shortest_jsonb(), in which equal values have equal texts

bool is_container(Text slice) { return json::is_container(json::kind_of(slice)); }

// Decides whether one jsonb contains another. The clock is checked for each container, because the number of
// comparisons of nested arrays is the product of their sizes.
class Containment {
 public:
  explicit Containment(const EvalContext& context) : context_(context) {}

  // Returns whether `whole` contains `part`. Both are in the form of shortest_jsonb(), in which names and scalars are
  // equal exactly if their texts are.
  Result<bool> holds(Text whole, Text part) {
    if (json::kind_of(whole) != json::kind_of(part)) return false;
    if (!is_container(whole)) return whole == part;
    if (context_.is_over()) return context_.budget->status().error();
    return json::kind_of(whole) == SliceKind::Object ? holds_members(whole, part)
                                                     : holds_elements(whole, part);
  }

 private:
  // Returns whether an object has all members of another. Both objects are sorted by name, so one pass through each is
  // enough.
  Result<bool> holds_members(Text whole, Text part) {
    json::MemberWalk mine(whole), wanted(part);
    while (const auto want = TRY(wanted.next())) {
      std::optional<json::MemberSlice> member;
      do member = TRY(mine.next());
      while (member && member->name != want->name);
      if (!member || !TRY(holds(member->value, want->value))) return false;
    }
    return true;
  }
  Result<bool> holds_elements(Text whole, Text part) {
    absl::flat_hash_set<Text> scalars;
    std::vector<Text> containers;
    json::MemberWalk mine(whole), wanted(part);
    while (const auto element = TRY(mine.next()))
      if (is_container(element->value))
        containers.push_back(element->value);
      else
        scalars.insert(element->value);
    while (const auto want = TRY(wanted.next())) {
      bool is_there = scalars.contains(want->value);
      for (size_t i = 0; i < containers.size() && !is_there && is_container(want->value); ++i)
        is_there = TRY(holds(containers[i], want->value));
      if (!is_there) return false;
    }
    return true;
  }

  const EvalContext& context_;
};

Result<bool> contains(const KernelCall& call, Text whole, Text part) {
  const std::string mine = shortest_jsonb(TRY(normal_jsonb(whole)));
  const std::string wanted = shortest_jsonb(TRY(normal_jsonb(part)));
  // At the top level, an array contains a scalar that is one of its elements.
  if (json::kind_of(mine) == SliceKind::Array && !is_container(wanted))
    return Containment(call.context).holds(mine, "[" + wanted + "]");
  return Containment(call.context).holds(mine, wanted);
}

// ---- @> and && of arrays: a null element is contained in no array

void gather(const Argument& array, size_t row, absl::flat_hash_set<std::string>& cells) {
  const ItemRange items = items_of(array, row);
  const Column& elements = array.column->child(0);
  for (uint32_t i = items.begin; i < items.end; ++i)
    if (!elements.is_null(i)) cells.insert(canonical_cell(elements, i));
}

template <bool all>
void hold_elements(KernelCall& call) {
  call.out.resize(call.rows);
  adapters::Sink<bool> sink(call);
  for (size_t row = 0; row < call.rows; ++row) {
    if (adapters::is_over(call, row)) return adapters::fail_rest(call, row);
    if (call.args[0].is_null(row) || call.args[1].is_null(row)) continue;
    absl::flat_hash_set<std::string> cells;
    gather(call.args[0], row, cells);
    const ItemRange items = items_of(call.args[1], row);
    const Column& elements = call.args[1].column->child(0);
    bool answer = all;
    for (uint32_t i = items.begin; i < items.end && answer == all; ++i)
      answer = !elements.is_null(i) && cells.contains(canonical_cell(elements, i));
    sink.put(row, answer);
  }
}

// ---- All parts, one per row: arrays for UNNEST

Value names_of(const std::vector<json::MemberSlice>& members) {
  ValueList made;
  for (const json::MemberSlice& each : members)
    made.push_back(Value::text(json::unquoted(each.name)));
  return Value::list(std::move(made));
}

Result<Value> names(const KernelCall& call, Text text) {
  const Text object = TRY(json::whole_slice(text));
  const SliceKind kind = json::kind_of(object);
  if (kind != SliceKind::Object)
    return unfit(fmt::format("cannot call {}_object_keys on {}", type_name(call),
                             kind == SliceKind::Array ? "an array" : "a scalar"));
  return names_of(TRY(json::members_of(object)));
}

Value part_value(Text slice, Given given) {
  if (given == Given::AsJson) return Value::text(std::string(slice));
  auto text = json::text_of(slice);
  return text ? Value::text(*std::move(text)) : Value();
}

template <Given given>
Result<Value> elements(const KernelCall& call, Text text) {
  const Text array = TRY(json::whole_slice(text));
  const SliceKind kind = json::kind_of(array);
  if (kind != SliceKind::Array && is_jsonb(call.args[0].type()))
    return unfit(fmt::format("cannot extract elements from {}",
                             kind == SliceKind::Object ? "an object" : "a scalar"));
  if (kind != SliceKind::Array)
    return unfit(fmt::format("cannot call json_array_elements{} on a {}",
                             given == Given::AsText ? "_text" : "",
                             kind == SliceKind::Object ? "non-array" : "scalar"));
  ValueList made;
  for (const json::MemberSlice& each : TRY(json::members_of(array)))
    made.push_back(part_value(each.value, given));
  return Value::list(std::move(made));
}

// Returns the members over which a json_each function iterates.
Result<std::vector<json::MemberSlice>> members_each(const KernelCall& call, Text text,
                                                    Given given) {
  const Text object = TRY(json::whole_slice(text));
  const SliceKind kind = json::kind_of(object);
  if (kind != SliceKind::Object && is_jsonb(call.args[0].type()))
    return unfit(fmt::format("cannot call jsonb_each{} on a non-object",
                             given == Given::AsText ? "_text" : ""));
  if (kind != SliceKind::Object)
    return unfit(kind == SliceKind::Array ? "cannot deconstruct an array as an object"
                                          : "cannot deconstruct a scalar");
  return json::members_of(object);
}

template <Given given>
Result<Value> members(const KernelCall& call, Text text) {
  ValueList made;
  for (const json::MemberSlice& each : TRY(members_each(call, text, given))) {
    ValueList fields;
    fields.push_back(Value::text(json::unquoted(each.name)));
    fields.push_back(part_value(each.value, given));
    made.push_back(Value::list(std::move(fields)));
  }
  return Value::list(std::move(made));
}

Result<Value> member_names(const KernelCall& call, Text text) {
  return names_of(TRY(members_each(call, text, Given::AsJson)));
}

template <Given given>
Result<Value> member_values(const KernelCall& call, Text text) {
  ValueList made;
  for (const json::MemberSlice& each : TRY(members_each(call, text, given)))
    made.push_back(part_value(each.value, given));
  return Value::list(std::move(made));
}

template <Given given>
Result<SqlType> type_of_members(std::span<const SqlType> types) {
  const SqlType value =
      given == Given::AsJson ? json::part_type(types[0]) : SqlType(TypeKind::String);
  return SqlType::array(SqlType::structure({{"KEY", TypeKind::String}, {"VALUE", value}}));
}

constexpr FunctionDef kPostgresJsonDefs[] = {
    {.name = "pg_catalog.json_get",
     .signature = "(STRING json, STRING name) -> STRING",
     .doc = "Computes json -> 'name': a member of an object, or an element of an array, as JSON.",
     .example = R"(CAST(PG_CATALOG.JSON_GET('{"a": [1]}', 'a') AS VARCHAR) = '[1]')",
     .kernel = row_kernel<member>,
     .returns = json::type_of_part},
    {.name = "pg_catalog.json_get",
     .signature = "(STRING json, INT place) -> STRING",
     .doc = "The function of json -> 0: an element of an array, as JSON; negative positions count "
            "from the end.",
     .example = R"(CAST(PG_CATALOG.JSON_GET('[1, 2]', -1) AS VARCHAR) = '2')",
     .kernel = row_kernel<element>,
     .returns = json::type_of_part},
    {.name = "pg_catalog.json_get_text",
     .signature = "(STRING json, STRING name) -> STRING",
     .doc = "Computes json ->> 'name': a member of an object, or an element of an array, as text; "
            "null for JSON's null.",
     .example = R"(PG_CATALOG.JSON_GET_TEXT('{"a": "b"}', 'a') = 'b')",
     .kernel = row_kernel<member_text>},
    {.name = "pg_catalog.json_get_text",
     .signature = "(STRING json, INT place) -> STRING",
     .doc = "The function of json ->> 0: an element of an array, as text; null for JSON's null.",
     .example = R"(PG_CATALOG.JSON_GET_TEXT('[1, "b"]', 1) = 'b')",
     .kernel = row_kernel<element_text>},
    {.name = "pg_catalog.json_path",
     .signature = "(STRING json, ARRAY<STRING> path) -> STRING",
     .doc = "Computes json #> '{a,0}': the value at the end of a path, as JSON.",
     .example = R"(CAST(PG_CATALOG.JSON_PATH('{"a": [1]}', ARRAY['a', '0']) AS VARCHAR) = '1')",
     .kernel = walk_rows<Steps::InArray, Given::AsJson>,
     .returns = json::type_of_part},
    {.name = "pg_catalog.json_path_text",
     .signature = "(STRING json, ARRAY<STRING> path) -> STRING",
     .doc = "Computes json #>> '{a,0}': the value at the end of a path, as text.",
     .example = R"(PG_CATALOG.JSON_PATH_TEXT('{"a": ["b"]}', ARRAY['a', '0']) = 'b')",
     .kernel = walk_rows<Steps::InArray, Given::AsText>},
    {.name = "json_extract_path",
     .signature = "(STRING json, STRING... path) -> STRING",
     .doc = "The value at the end of a path of names and positions, as JSON.",
     .example = R"(CAST(JSON_EXTRACT_PATH('{"a": [1]}', 'a', '0') AS VARCHAR) = '1')",
     .kernel = walk_rows<Steps::AsArguments, Given::AsJson>,
     .returns = json::type_of_part},
    {.name = "json_extract_path_text",
     .signature = "(STRING json, STRING... path) -> STRING",
     .doc = "The value at the end of a path of names and positions, as text.",
     .example = R"(JSON_EXTRACT_PATH_TEXT('{"a": ["b"]}', 'a', '0') = 'b')",
     .kernel = walk_rows<Steps::AsArguments, Given::AsText>},
    {.name = "jsonb_extract_path",
     .signature = "(STRING json, STRING... path) -> STRING",
     .doc = "The value at the end of a path of names and positions in jsonb, as jsonb.",
     .example = R"(CAST(JSONB_EXTRACT_PATH('{"a": [1]}', 'a', '0') AS VARCHAR) = '1')",
     .kernel = walk_rows<Steps::AsArguments, Given::AsJson>,
     .returns = json::type_of_part},
    {.name = "jsonb_extract_path_text",
     .signature = "(STRING json, STRING... path) -> STRING",
     .doc = "The value at the end of a path of names and positions in jsonb, as text.",
     .example = R"(JSONB_EXTRACT_PATH_TEXT('{"a": ["b"]}', 'a', '0') = 'b')",
     .kernel = walk_rows<Steps::AsArguments, Given::AsText>},
    {.name = "json_typeof",
     .signature = "(STRING json) -> STRING",
     .doc = "The type of a JSON value: object, array, string, number, boolean or null.",
     .example = "JSON_TYPEOF('[1]') = 'array'",
     .kernel = row_kernel<kind>},
    {.name = "pg_catalog.json_array_length",
     .signature = "(STRING json) -> INT",
     .doc = "The number of elements of an array; an error for other values.",
     .example = "PG_CATALOG.JSON_ARRAY_LENGTH('[1, 2]') = 2",
     .kernel = row_kernel<length>},
    {.name = "pg_catalog.json_exists",
     .signature = "(STRING json, STRING key) -> BOOLEAN",
     .doc = "Computes json ? 'key': whether an object has a member with this name, or an array has "
            "this string.",
     .example = R"(PG_CATALOG.JSON_EXISTS('{"a": 1}', 'a'))",
     .kernel = row_kernel<exists>},
    {.name = "pg_catalog.json_exists_any",
     .signature = "(STRING json, ARRAY<STRING> keys) -> BOOLEAN",
     .doc = "Computes json ?| ARRAY['a', 'b']: whether one of the names exists.",
     .example = R"(PG_CATALOG.JSON_EXISTS_ANY('{"a": 1}', ARRAY['b', 'a']))",
     .kernel = exist<false>},
    {.name = "pg_catalog.json_exists_all",
     .signature = "(STRING json, ARRAY<STRING> keys) -> BOOLEAN",
     .doc = "Computes json ?& ARRAY['a', 'b']: whether all of the names exist.",
     .example = R"(PG_CATALOG.JSON_EXISTS_ALL('{"a": 1, "b": 2}', ARRAY['b', 'a']))",
     .kernel = exist<true>},
    {.name = "pg_catalog.contains",
     .signature = "(STRING json, STRING part) -> BOOLEAN",
     .doc = "Computes json @> part: whether the JSON or array contains all members and elements of "
            "the part.",
     .example = R"(PG_CATALOG.CONTAINS('{"a": {"b": 1, "c": 2}}', '{"a": {"c": 2.0}}'))",
     .kernel = row_kernel<contains>},
    {.name = "pg_catalog.contains",
     .signature = "(ARRAY<T> array, ARRAY<T> part) -> BOOLEAN",
     .doc = "The function of array @> part: whether all elements of the part are in the array.",
     .example = "PG_CATALOG.CONTAINS(ARRAY[1, 2, 3], ARRAY[3, 1])",
     .kernel = hold_elements<true>},
    {.name = "pg_catalog.overlap",
     .signature = "(ARRAY<T> array, ARRAY<T> other) -> BOOLEAN",
     .doc = "Computes array && other: whether the arrays have a common element.",
     .example = "PG_CATALOG.OVERLAP(ARRAY[1, 2], ARRAY[2, 3])",
     .kernel = hold_elements<false>},
    {.name = "pg_catalog.json_names",
     .signature = "(STRING json) -> ARRAY<STRING>",
     .doc = "The rows of json_object_keys() as an array: the names of an object.",
     .example = R"(PG_CATALOG.JSON_NAMES('{"a": 1, "b": 2}') = ARRAY['a', 'b'])",
     .kernel = row_kernel<names>},
    {.name = "pg_catalog.json_elements",
     .signature = "(STRING json) -> ARRAY<STRING>",
     .doc = "The rows of json_array_elements() as an array.",
     .example = R"(CAST(PG_CATALOG.JSON_ELEMENTS('[1, "a"]')[2] AS VARCHAR) = '"a"')",
     .kernel = row_kernel<elements<Given::AsJson>>,
     .returns = type_of_parts},
    {.name = "pg_catalog.json_element_texts",
     .signature = "(STRING json) -> ARRAY<STRING>",
     .doc = "The rows of json_array_elements_text() as an array.",
     .example = R"(PG_CATALOG.JSON_ELEMENT_TEXTS('[1, "a"]') = ARRAY['1', 'a'])",
     .kernel = row_kernel<elements<Given::AsText>>},
    {.name = "pg_catalog.json_member_names",
     .signature = "(STRING json) -> ARRAY<STRING>",
     .doc = "The values of the column key of json_each() in FROM.",
     .example = R"(PG_CATALOG.JSON_MEMBER_NAMES('{"a": 1, "b": 2}') = ARRAY['a', 'b'])",
     .kernel = row_kernel<member_names>},
    {.name = "pg_catalog.json_values",
     .signature = "(STRING json) -> ARRAY<STRING>",
     .doc = "The values of the column value of json_each() in FROM.",
     .example = R"(CAST(PG_CATALOG.JSON_VALUES('{"a": "b"}')[1] AS VARCHAR) = '"b"')",
     .kernel = row_kernel<member_values<Given::AsJson>>,
     .returns = type_of_parts},
    {.name = "pg_catalog.json_value_texts",
     .signature = "(STRING json) -> ARRAY<STRING>",
     .doc = "The values of the column value of json_each_text() in FROM.",
     .example = R"(PG_CATALOG.JSON_VALUE_TEXTS('{"a": "b"}') = ARRAY['b'])",
     .kernel = row_kernel<member_values<Given::AsText>>},
    {.name = "pg_catalog.json_members",
     .signature = "(STRING json) -> ARRAY<STRUCT<KEY STRING, VALUE STRING>>",
     .doc = "The rows of json_each() as an array.",
     .example = R"(PG_CATALOG.JSON_MEMBERS('{"a": 1}')[1]->KEY = 'a')",
     .kernel = row_kernel<members<Given::AsJson>>,
     .returns = type_of_members<Given::AsJson>},
    {.name = "pg_catalog.json_member_texts",
     .signature = "(STRING json) -> ARRAY<STRUCT<KEY STRING, VALUE STRING>>",
     .doc = "The rows of json_each_text() as an array.",
     .example = R"(PG_CATALOG.JSON_MEMBER_TEXTS('{"a": "b"}')[1]->VALUE = 'b')",
     .kernel = row_kernel<members<Given::AsText>>,
     .returns = type_of_members<Given::AsText>},
};

}  // namespace

const FunctionFamily kPostgresJson{"POSTGRESQL", kPostgresJsonDefs};

}  // namespace engine
