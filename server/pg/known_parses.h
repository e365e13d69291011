// Remembers unnamed prepared statements, because many drivers (node-postgres, lib/pq, Npgsql, pgJDBC for the first
// executions) send the same Parse message before each execution of a statement.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <list>
#include <span>
#include <string_view>
#include <vector>

#include "server/pg/portal.h"

namespace server::pg {

// Keeps the kMost statements that were used last. A statement is kept from its second Parse message on, so statements
// that a client sends once take no memory. The caller has to check that the definitions are unchanged.
//
// Threads: the session's loop.
// Owner:   the session.
class KnownParses {
 public:
  // Longer texts are not kept, since kept statements are charged to the session until others replace them.
  static constexpr size_t kMostTextBytes = 2048;

  // Identifies a Parse message. `settings_version` is SessionSettings::version(): the analysis puts values of settings
  // into the statement, and the values of variables into its text.
  struct Key {
    std::string_view text;
    std::span<const uint32_t> parameter_oids;
    uint64_t settings_version = 0;
  };

  // Returns the statement of an earlier message with this key; null if none is kept.
  PreparedStatementPtr find(const Key& key) {
    const auto found = entry_of(key);
    if (found == entries_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found);
    return entries_.front().statement;
  }

  // Called after each analysis. Keeps the statement if the message has been seen before, and otherwise notes only the
  // message. `sent` is the text of the message.
  void note(const Key& key, SharedText sent, PreparedStatementPtr statement) {
    const size_t hash = hash_of(key);
    const auto found = std::ranges::find(entries_, hash, &Entry::hash);
    if (found == entries_.end()) {
      if (entries_.size() == kMost) entries_.pop_back();
      entries_.push_front({.hash = hash});
      return;
    }
    entries_.splice(entries_.begin(), entries_, found);
    entries_.front() = {hash,
                        std::move(sent),
                        {key.parameter_oids.begin(), key.parameter_oids.end()},
                        key.settings_version,
                        std::move(statement)};
  }

  bool is_empty() const { return entries_.empty(); }
  void clear() { entries_.clear(); }

 private:
  static constexpr size_t kMost = 16;

  struct Entry {
    size_t hash = 0;       // hash_of() the message
    SharedText sent = {};  // null: only the hash is known
    std::vector<uint32_t> parameter_oids = {};
    uint64_t settings_version = 0;
    PreparedStatementPtr statement = {};
  };

  // Hashes only the text. Messages whose texts are equal replace each other.
  static size_t hash_of(const Key& key) { return std::hash<std::string_view>()(key.text); }

  std::list<Entry>::iterator entry_of(const Key& key) {
    const size_t hash = hash_of(key);
    return std::ranges::find_if(entries_, [&](const Entry& each) {
      return each.hash == hash && each.sent && *each.sent == key.text &&
             each.settings_version == key.settings_version &&
             std::ranges::equal(each.parameter_oids, key.parameter_oids);
    });
  }

  std::list<Entry> entries_;
};

}  // namespace server::pg
