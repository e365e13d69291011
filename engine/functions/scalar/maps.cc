// Implements MAP_*, AS_MAP and ENTRIES.
#include <algorithm>
#include <optional>

#include <absl/container/flat_hash_map.h>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/lists.h"
#include "engine/functions/ordering.h"
#include "engine/types/row_size.h"

namespace engine {

namespace {

// Returns the keys (part 0) or the values (part 1) of a map.
template <size_t part>
void map_part(KernelCall& call) {
  const Argument& map = call.args[0];
  for (size_t row = 0; row < call.rows; ++row) {
    const bool is_null = map.is_null(row);
    if (!is_null)
      for (const uint32_t entry : hash_order(map.column->child(0), items_of(map, row)))
        call.out.child(0).append_from(map.column->child(part), entry);
    call.out.close_list(!is_null);
  }
}

// Builds the entries of a map. A repeated key gets the new value and keeps its first position.
class Entries {
 public:
  Entries() = default;
  explicit Entries(const ValueMap& first) {
    for (const auto& [key, value] : first) set(key, value);
  }
  void set(const Value& key, Value value) {
    auto [place, is_new] = place_of(key);
    if (is_new)
      entries_.emplace_back(key, std::move(value));
    else
      entries_[place].second = std::move(value);
  }
  Value take() { return Value::map(std::move(entries_)); }

 private:
  std::pair<size_t, bool> place_of(const Value& key) {
    if (!key.is_null()) {
      const auto [at, is_new] = places_.try_emplace(key.as_string(), entries_.size());
      return {at->second, is_new};
    }
    const bool is_new = !null_place_;
    if (is_new) null_place_ = entries_.size();
    return {*null_place_, is_new};
  }

  ValueMap entries_;
  absl::flat_hash_map<std::string, size_t> places_;
  std::optional<size_t> null_place_;
};

Value map_union(std::span<const Value> args) {
  if (args[0].is_null() || args[1].is_null()) return args[0].is_null() ? args[1] : args[0];
  Entries entries(args[0].as_map());
  for (const auto& [key, value] : args[1].as_map()) entries.set(key, value);
  return entries.take();
}

Value as_map(std::span<const Value> args) {
  const ValueList &keys = args[0].as_list(), &values = args[1].as_list();
  Entries entries;
  for (size_t i = 0; i < keys.size(); ++i)
    entries.set(keys[i], i < values.size() ? values[i] : Value());
  return entries.take();
}

void entries(KernelCall& call) {
  const Argument& map = call.args[0];
  const Column &keys = map.column->child(0), &values = map.column->child(1);
  Column& structs = call.out.child(0);
  for (size_t row = 0; row < call.rows; ++row) {
    const bool is_valid =
        !map.is_null(row) && !call.args[1].is_null(row) &&
        call.context.take_bytes(copied_bytes(*map.column, map.index(row)), row, call.errors);
    if (is_valid) {
      std::vector<uint32_t> order = hash_order(keys, items_of(map, row));
      if (call.args[1].get<uint8_t>(row) != 0)
        std::ranges::sort(order, [&](uint32_t a, uint32_t b) {
          if (keys.is_null(a) || keys.is_null(b)) return keys.is_null(a) && !keys.is_null(b);
          return compare_rows(keys, a, keys, b) < 0;
        });
      for (const uint32_t entry : order) {
        structs.child(0).append_from(keys, entry);
        structs.child(1).append_from(values, entry);
        structs.close_struct();
      }
    }
    call.out.close_list(is_valid);
  }
}

constexpr FunctionDef entries_of(std::string_view signature) {
  return {.name = "entries",
          .signature = signature,
          .doc = "The entries of a map as structs, sorted by key if the second argument is true.",
          .example = "ENTRIES(MAP('b' := 2, 'a' := 1), TRUE)[1]->K = 'a'",
          .kernel = entries};
}

constexpr FunctionDef kMapDefs[] = {
    {.name = "map_keys",
     .signature = "(MAP<STRING, T> input) -> ARRAY<STRING>",
     .doc = "The keys of a map, in no particular order.",
     .example = "MAP_KEYS(MAP('a' := 1)) = ARRAY['a']",
     .kernel = map_part<0>},
    {.name = "map_values",
     .signature = "(MAP<STRING, T> input) -> ARRAY<T>",
     .doc = "The values of a map, in the order of MAP_KEYS.",
     .example = "MAP_VALUES(MAP('a' := 1)) = ARRAY[1]",
     .kernel = map_part<1>},
    {.name = "map_union",
     .signature = "(MAP<STRING, T> map1, MAP<STRING, T> map2) -> MAP<STRING, T>",
     .doc = "The entries of both maps; if both maps have a key, its value in the second map.",
     .example = "MAP_UNION(MAP('a' := 1), MAP('a' := 2))['a'] = 2",
     .kernel = value_kernel<map_union, Nulls::Pass>},
    {.name = "as_map",
     .signature = "(ARRAY<STRING> keys, ARRAY<T> values) -> MAP<STRING, T>",
     .doc = "A map, made of an array of keys and an array of values.",
     .example = "AS_MAP(ARRAY['a', 'b'], ARRAY[1, 2])['b'] = 2",
     .kernel = value_kernel<as_map>},
    entries_of("(MAP<STRING, INT> map, BOOLEAN sorted!) -> ARRAY<STRUCT<K STRING, V INT>>"),
    entries_of("(MAP<STRING, BIGINT> map, BOOLEAN sorted!) -> ARRAY<STRUCT<K STRING, V BIGINT>>"),
    entries_of("(MAP<STRING, DOUBLE> map, BOOLEAN sorted!) -> ARRAY<STRUCT<K STRING, V DOUBLE>>"),
    entries_of("(MAP<STRING, BOOLEAN> map, BOOLEAN sorted!) -> ARRAY<STRUCT<K STRING, V BOOLEAN>>"),
    entries_of("(MAP<STRING, STRING> map, BOOLEAN sorted!) -> ARRAY<STRUCT<K STRING, V STRING>>"),
};

}  // namespace

const FunctionFamily kMapFunctions{"MAP", kMapDefs};

}  // namespace engine
