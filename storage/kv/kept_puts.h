// The values of put() calls that are durable in the commit journal, or will be, but are not in the store yet. A reader
// looks here first.
#pragma once
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "storage/kv/kv.h"

namespace storage {

// Stores the newest value of each key. For a table into which a caller has appended, it stores only
// the number of the table: the keys of such a table are read only after the appended entries are in
// the store.
//
// Threads: the owner's. Owner: a deferred transaction, or PendingChanges.
class KeptPuts {
 public:
  void put(TableHandle table, std::string_view key, std::string_view value) {
    values_.insert_or_assign(key_of(table, key), std::string(value));
  }
  void append(TableHandle table) { appended_.insert(table.value()); }
  bool is_appended(TableHandle table) const { return appended_.contains(table.value()); }
  // Returns the newest value, valid until the next change. Returns nothing if no put() of this
  // object has the key; the caller then reads the value from the store.
  std::optional<std::string_view> find(TableHandle table, std::string_view key) const {
    const auto found = values_.find(key_of(table, key));
    if (found == values_.end()) return std::nullopt;
    return found->second;
  }

  size_t size() const { return values_.size(); }  // number of keys

  // Adds the puts of `later`, which replace older values.
  void add(KeptPuts&& later) {
    for (auto& [key, value] : later.values_) values_.insert_or_assign(key, std::move(value));
    appended_.insert(later.appended_.begin(), later.appended_.end());
  }
  void clear() {
    values_.clear();
    appended_.clear();
  }

 private:
  static std::string key_of(TableHandle table, std::string_view key) {
    const uint32_t number = table.value();
    std::string whole(sizeof number + key.size(), '\0');
    std::memcpy(whole.data(), &number, sizeof number);
    std::memcpy(whole.data() + sizeof number, key.data(), key.size());
    return whole;
  }
  absl::flat_hash_map<std::string, std::string> values_;
  absl::flat_hash_set<uint32_t> appended_;
};

}  // namespace storage
