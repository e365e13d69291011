// Implements COLLECT_LIST, COLLECT_SET, HISTOGRAM, ATTR and COUNT_DISTINCT.
#include <absl/container/flat_hash_set.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>

#include "base/free_memory.h"
#include "engine/functions/aggregate/accumulator.h"
#include "engine/functions/families.h"

namespace engine {

namespace {

// Returns the limit of a property. As in ksqlDB, a negative number means no limit.
size_t limit_of(const AggregateInstance& instance, const char* property) {
  if (instance.properties.empty()) return SIZE_MAX;
  const int64_t limit = instance.number_property(property, -1);
  return limit < 0 ? SIZE_MAX : static_cast<size_t>(limit);
}

// ---- COLLECT_LIST ----

// Keeps all values in one string, each with its length before it, so that no value needs an allocation.
struct CollectedList {
  std::string cells;
  size_t count = 0;

  static size_t limit(const AggregateInstance& instance) {
    return limit_of(instance, "ksql.functions.collect_list.limit");
  }
  void update(const AggregateInstance& instance, AggregateColumns args, size_t row) {
    if (count >= limit(instance)) return;
    std::string cell = canonical_cell(*args[0], row);
    put(cells, std::string_view(cell));
    ++count;
  }
  // Removes the last equal value.
  void undo(const AggregateInstance&, AggregateColumns args, size_t row) {
    std::string cell = canonical_cell(*args[0], row);
    size_t found_at = 0, found_size = 0;
    for (ByteReader in(cells); !in.at_end();) {
      const size_t at = cells.size() - in.rest().size();
      if (in.bytes(in.varint()) != cell) continue;
      found_at = at;
      found_size = cells.size() - in.rest().size() - at;
    }
    if (found_size == 0) return;
    cells.erase(found_at, found_size);
    --count;
  }
  void merge(const AggregateInstance& instance, const CollectedList& other) {
    ByteReader in(other.cells);
    while (!in.at_end() && count < limit(instance)) {
      put(cells, in.bytes(in.varint()));
      ++count;
    }
  }
  void result(const AggregateInstance&, Column& out) const {
    for (ByteReader in(cells); !in.at_end();) append_value_of(in.bytes(in.varint()), out.child(0));
    out.close_list();
  }
  void encode(std::string& out) const { out += cells; }
  void decode(const AggregateInstance& instance, ByteReader& in) {
    while (in.ok() && !in.at_end()) {
      put(cells, std::string_view(take_cell(instance.argument_types[0], in)));
      ++count;
    }
  }
};

// ---- COLLECT_SET ----

struct CollectedSet {
  static constexpr size_t kIndexedFrom = 16;  // below this size a scan is faster than hashing
  std::vector<std::string> cells;             // in the order of their first occurrence
  // all of `cells` if there are at least kIndexedFrom; otherwise empty
  absl::flat_hash_set<std::string> index;

  static size_t limit(const AggregateInstance& instance) {
    return limit_of(instance, "ksql.functions.collect_set.limit");
  }
  bool has(const std::string& cell) const {
    if (cells.size() >= kIndexedFrom) return index.contains(cell);
    return std::ranges::find(cells, cell) != cells.end();
  }
  void add(std::string cell) {
    cells.push_back(std::move(cell));
    if (cells.size() == kIndexedFrom) index.insert(cells.begin(), cells.end());
    if (cells.size() > kIndexedFrom) index.insert(cells.back());
  }
  void update(const AggregateInstance& instance, AggregateColumns args, size_t row) {
    std::string cell = canonical_cell(*args[0], row);
    if (!has(cell) && cells.size() < limit(instance)) add(std::move(cell));
  }
  void merge(const AggregateInstance& instance, const CollectedSet& other) {
    for (const std::string& cell : other.cells)
      if (!has(cell) && cells.size() < limit(instance)) add(cell);
  }
  void result(const AggregateInstance&, Column& out) const {
    for (const std::string& cell : cells) append_value_of(cell, out.child(0));
    out.close_list();
  }
  void encode(std::string& out) const {
    for (const std::string& cell : cells) put(out, std::string_view(cell));
  }
  void decode(const AggregateInstance& instance, ByteReader& in) {
    while (in.ok() && !in.at_end()) add(take_cell(instance.argument_types[0], in));
  }
};

// ---- HISTOGRAM, ATTR: number of occurrences of each value ----

struct Counts {
  std::map<std::string, int64_t, std::less<>> counts;

  void add(std::string_view key, int64_t count, size_t most_keys) {
    const auto found = counts.find(key);
    if (found != counts.end())
      found->second += count;
    else if (counts.size() < most_keys)
      counts.emplace(key, count);
  }
  void remove(std::string_view key) {
    const auto found = counts.find(key);
    if (found != counts.end() && --found->second <= 0) counts.erase(found);
  }
  void encode(std::string& out) const {
    for (const auto& [key, count] : counts) {
      put(out, std::string_view(key));
      put(out, count);
    }
  }
};

struct Histogram : Counts {
  static constexpr size_t kMostKeys = 1000;  // ksqlDB's limit; later keys are ignored

  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (!args[0]->is_null(row)) add(args[0]->data<std::string_view>()[row], 1, kMostKeys);
  }
  void undo(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (!args[0]->is_null(row)) remove(args[0]->data<std::string_view>()[row]);
  }
  void merge(const AggregateInstance&, const Histogram& other) {
    for (const auto& [key, count] : other.counts) add(key, count, kMostKeys);
  }
  void result(const AggregateInstance&, Column& out) const {
    for (const auto& [key, count] : counts) {
      out.child(0).append_copy(key);
      out.child(1).append(count);
    }
    out.close_list();
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    while (in.ok() && !in.at_end()) {
      std::string key = take<std::string>(in);
      counts.emplace(std::move(key), take<int64_t>(in));
    }
  }
};

struct OnlyValue : Counts {
  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    std::string cell = canonical_cell(*args[0], row);
    add(cell, 1, SIZE_MAX);
  }
  void undo(const AggregateInstance&, AggregateColumns args, size_t row) {
    std::string cell = canonical_cell(*args[0], row);
    remove(cell);
  }
  void merge(const AggregateInstance&, const OnlyValue& other) {
    for (const auto& [cell, count] : other.counts) add(cell, count, SIZE_MAX);
  }
  void result(const AggregateInstance&, Column& out) const {
    counts.size() == 1 ? append_value_of(counts.begin()->first, out) : out.append_null();
  }
  void decode(const AggregateInstance& instance, ByteReader& in) {
    while (in.ok() && !in.at_end()) {
      std::string cell = take_cell(instance.argument_types[0], in);
      counts.emplace(std::move(cell), take<int64_t>(in));
    }
  }
};

SqlType only_value_type(const AggregateInstance& instance) {
  return SqlType::array(SqlType::structure(
      {{"VALUE", instance.argument_types[0]}, {"COUNT", SqlType(TypeKind::Integer)}}));
}

// ---- COUNT_DISTINCT ----

// Counts distinct values with HyperLogLog and 2^14 registers. If the values are few, their hashes are kept instead, and
// the count is exact except for collisions of 64-bit hashes.
//
// The encoding is 0 and the hashes, or 1 and the registers.
struct DistinctCount {
  static constexpr size_t kIndexBits = 14, kRegisters = size_t{1} << kIndexBits;
  static constexpr size_t kMostHashes = 512;
  // with_rank has the number of registers with each rank. The estimate is requested after each record, and is computed
  // from these counts without scanning the registers.
  struct Registers {
    std::array<uint8_t, kRegisters> ranks = {};
    std::array<uint32_t, 64> with_rank = {kRegisters};
    void raise(size_t index, uint8_t rank) {
      if (rank <= ranks[index]) return;
      --with_rank[ranks[index]];
      ++with_rank[rank];
      ranks[index] = rank;
    }
  };
  static constexpr uint8_t kMostRank = 64 - kIndexBits + 1;
  std::vector<uint64_t> hashes;  // sorted; empty once registers exist
  std::unique_ptr<Registers> registers;

  void add(uint64_t hash) {
    if (registers) return add_to_registers(hash);
    const auto at = std::ranges::lower_bound(hashes, hash);
    if (at != hashes.end() && *at == hash) return;
    hashes.insert(at, hash);
    if (hashes.size() > kMostHashes) start_registers();
  }
  void start_registers() {
    registers = std::make_unique<Registers>();
    for (const uint64_t hash : hashes) add_to_registers(hash);
    free_memory(hashes);
  }
  void add_to_registers(uint64_t hash) {
    const size_t index = hash & (kRegisters - 1);
    const auto rank = static_cast<uint8_t>(
        std::countr_zero(hash >> kIndexBits | uint64_t{1} << (64 - kIndexBits)) + 1);
    registers->raise(index, rank);
  }
  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (args[0]->is_null(row)) return;
    std::string cell = canonical_cell(*args[0], row);
    add(XXH3_64bits(cell.data(), cell.size()));
  }
  void merge(const AggregateInstance&, const DistinctCount& other) {
    for (const uint64_t hash : other.hashes) add(hash);
    if (!other.registers) return;
    if (!registers) start_registers();
    for (size_t i = 0; i < kRegisters; ++i) registers->raise(i, other.registers->ranks[i]);
  }
  int64_t estimate() const {
    if (!registers) return static_cast<int64_t>(hashes.size());
    constexpr auto kCount = static_cast<double>(kRegisters);
    double sum = 0;
    for (int rank = kMostRank; rank >= 0; --rank)
      sum += std::ldexp(registers->with_rank[static_cast<size_t>(rank)], -rank);
    const size_t empty = registers->with_rank[0];
    const double raw = 0.7213 / (1 + 1.079 / kCount) * kCount * kCount / sum;
    const bool is_small = raw <= 2.5 * kCount && empty > 0;
    return std::llround(is_small ? kCount * std::log(kCount / static_cast<double>(empty)) : raw);
  }
  void result(const AggregateInstance&, Column& out) const { out.append(estimate()); }
  void encode(std::string& out) const {
    out += registers ? '\1' : '\0';
    for (const uint64_t hash : hashes) append_be(out, hash);
    if (registers) out.append(reinterpret_cast<const char*>(registers->ranks.data()), kRegisters);
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    if (in.be<uint8_t>() == 0) {
      while (in.ok() && !in.at_end()) add(in.be<uint64_t>());
      return;
    }
    const std::string_view bytes = in.bytes(kRegisters);
    registers = std::make_unique<Registers>();
    if (!in.ok()) return;
    for (size_t i = 0; i < kRegisters; ++i)
      registers->raise(i, std::min(static_cast<uint8_t>(bytes[i]), kMostRank));
  }
};

SqlType distinct_type(const AggregateInstance&) {
  return SqlType::array(SqlType(TypeKind::Integer));
}

constexpr AggregateDef kCollectionDefs[] = {
    {.name = "COLLECT_LIST",
     .signature = "(T val) -> ARRAY<T>",
     .doc = "All values, including nulls, in their order of arrival.",
     .accumulator = accumulator_of<CollectedList>()},
    {.name = "COLLECT_SET",
     .signature = "(T val) -> ARRAY<T>",
     .doc = "All different values, in the order of their first arrival; null counts as a value.",
     .accumulator = accumulator_of<CollectedSet>()},
    {.name = "HISTOGRAM",
     .signature = "(STRING val) -> MAP<STRING, BIGINT>",
     .doc = "The number of occurrences of each text; at most 1000 different texts are counted.",
     .accumulator = accumulator_of<Histogram>()},
    {.name = "ATTR",
     .signature = "(T val) -> T",
     .doc = "The value that all rows share; null if the rows have several values.",
     .accumulator = accumulator_of<OnlyValue>(),
     .aggregate_type = only_value_type},
    {.name = "COUNT_DISTINCT",
     .signature = "(T val) -> BIGINT",
     .doc = "The number of different values: exact up to 512, and approximate above, with an error "
            "of about 1 %.",
     .accumulator = accumulator_of<DistinctCount>(),
     .aggregate_type = distinct_type},
};

}  // namespace

const FunctionFamily kCollectionAggregates{"AGGREGATE", {}, kCollectionDefs};

}  // namespace engine
