// The variables of one session: what SET, SHOW and RESET work on.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace server::sql {

struct SettingRow;  // of the table of known settings

// A setting is known (a row of the table in settings.cc, PostgreSQL's names) or free: any name with
// a dot, which is how the engine's own properties are set (push.max_rows, auto.offset.reset). A
// free name is not set until somebody sets it.
//
// Invariants: values of known settings have passed their row's check.
// Threads:    the session's loop only.
class SessionSettings {
 public:
  SessionSettings();

  // The value in force; nothing for a free name that is not set and for an unknown one.
  std::optional<std::string> get(std::string_view name) const;
  // The same as a number, in milliseconds ('5s', '250ms', '1min', '5000'), 0 where not set or bad.
  int64_t get_ms(std::string_view name) const;
  int64_t get_number(std::string_view name) const;  // 0 where not set or bad
  static int64_t to_ms(std::string_view text);      // as get_ms()

  // As PostgreSQL spells it: timezone is TimeZone. A free name is as it was given.
  static std::string spelling(std::string_view name);
  // In lower case.
  static std::vector<std::string> known_names();
  // The client itself has asked for these values at start-up: they count as set in the session.
  void note_given(std::string_view name);
  // Whether the client has set it.
  bool is_set_in_session(std::string_view name) const;

  // Fails with UndefinedObject (an unknown name without a dot), InvalidParameter, or LimitExceeded
  // when all of them would take more than kMaxBytes.
  Status set(std::string_view name, std::string_view value);
  Status set_local(std::string_view name, std::string_view value);  // until the transaction ends
  // Back to what the connection began with; for a free name: not set.
  Status reset(std::string_view name);
  void reset_all();
  // For start-up: sets what the client cannot.
  void preset(std::string_view name, std::string value);
  // What is set now is what reset() goes back to: called once start-up has applied its parameters.
  void keep_as_defaults();

  // Settings made in a transaction are undone when it fails; local ones end with it in any case.
  void begin_transaction();
  void commit_transaction();
  void rollback_transaction();

  // What ROLLBACK TO goes back to; only within the transaction.
  class Savepoint;
  Savepoint savepoint() const;
  void rollback_to(const Savepoint& savepoint);

  // All known settings and the free ones that are set, by name.
  struct Entry {
    std::string name, value, description;
  };
  std::vector<Entry> all() const;

  // The names with a dot that are set, push.* included: the engine's properties.
  std::map<std::string, std::string> properties() const;

  // DEFINEd variables, which ${name} stands for.
  const std::map<std::string, std::string>& variables() const { return variables_; }
  // Fails as set() does when there are too many.
  Status define(const std::string& name, const std::string& value);
  void undefine(const std::string& name) { variables_.erase(name); }
  void undefine_all() { variables_.clear(); }

  // Of all names and values, variables included, and of one that may be added.
  size_t size_bytes() const;
  static size_t size_bytes(std::string_view name, std::string_view value);
  // They are copied for each transaction and for statements that other threads parse.
  static constexpr size_t kMaxBytes = 1024 * 1024;

  // Reported parameters (ParameterStatus) whose value has changed since the last call; at first all
  // of them, in the order in which a PostgreSQL server sends them.
  std::vector<std::pair<std::string, std::string>> take_reports();

 private:
  using Values = std::map<std::string, std::string, std::less<>>;
  Status assign(std::string_view name, std::string_view value, Values& into);
  Status check_room(std::string_view name, std::string_view value) const;
  std::string value_of(const SettingRow& row) const;
  std::optional<std::string_view> find(std::string_view name) const;

  Values values_, defaults_;      // only what differs from the table
  std::set<std::string> given_;   // names, in lower case
  Values local_;                  // SET LOCAL, over values_
  std::optional<Values> before_;  // values_ when the transaction began
  Values reported_;
  bool may_have_reports_ = true;  // something has been set since
  std::map<std::string, std::string> variables_;
};

class SessionSettings::Savepoint {
  friend SessionSettings;
  Values values_, local_;
};

// What SET and SHOW answer to a name that nobody knows. `others`: names besides the settings that
// may have been meant.
Error unknown_setting(std::string_view name, std::vector<std::string> others = {});

}  // namespace server::sql
