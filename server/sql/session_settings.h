// The variables of one session, as used by SET, SHOW and RESET.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace server::sql {

struct SettingRow;  // a row of the table of known settings

// A setting is either known (a row of the table in session_settings.cc, under PostgreSQL's name) or
// free (any other name with a dot). Free names hold the engine's own properties, such as
// push.max_rows and auto.offset.reset. A free name has no value until it is set.
//
// Invariants: values of known settings have passed their row's check.
// Threads:    the session's loop only.
class SessionSettings {
 public:
  SessionSettings();

  // Returns the value in force; nothing for an unknown name and for a free name that is not set.
  std::optional<std::string> get(std::string_view name) const;
  // Returns the value in milliseconds ('5s', '250ms', '1min', '5000'); 0 if it is not set or
  // invalid.
  int64_t get_ms(std::string_view name) const;
  int64_t get_number(std::string_view name) const;  // 0 if not set or invalid
  static int64_t to_ms(std::string_view text);      // parses like get_ms()

  // Returns PostgreSQL's spelling of the name: timezone becomes TimeZone. A free name is returned
  // unchanged.
  static std::string spelling(std::string_view name);
  // Returns the names of the known settings, in lower case.
  static std::vector<std::string> known_names();
  // Called for a value that the client gave when it connected. The setting then counts as set in
  // the session.
  void note_given(std::string_view name);
  // Whether the client has set the value.
  bool is_set_in_session(std::string_view name) const;

  // Sets a value. Fails with UndefinedObject for an unknown name without a dot, with
  // InvalidParameter for a bad value, and with LimitExceeded if all values together would take more
  // than kMaxBytes.
  Status set(std::string_view name, std::string_view value);
  // Sets a value that ends with the transaction.
  Status set_local(std::string_view name, std::string_view value);
  // Restores the value that the setting had when the connection began. A free name becomes unset.
  Status reset(std::string_view name);
  void reset_all();
  // Sets a value that the client has no right to set. Used when the session starts.
  void preset(std::string_view name, std::string value);
  // Stores the present values as the values that reset() restores. Called after the parameters of
  // the client's start-up message were applied.
  void keep_as_defaults();

  // Settings made in a transaction are undone when the transaction fails. Local settings end with
  // the transaction in any case.
  void begin_transaction();
  void commit_transaction();
  void rollback_transaction();

  // The values that ROLLBACK TO restores. Valid only within the transaction.
  class Savepoint;
  Savepoint savepoint() const;
  void rollback_to(const Savepoint& savepoint);

  struct Entry {
    std::string name, value, description;
  };
  // Returns all known settings, and the free settings that have a value, by name.
  std::vector<Entry> all() const;

  // Returns the values of all names with a dot, including push.*. They are the engine's properties.
  std::map<std::string, std::string> properties() const;

  // Variables made by DEFINE; the parser replaces ${name} by their values.
  const std::map<std::string, std::string>& variables() const { return variables_; }
  // Fails like set() if all values together would take too much memory.
  Status define(const std::string& name, const std::string& value);
  void undefine(const std::string& name);
  void undefine_all();

  // Returns a number that is larger after each change of a value or variable.
  uint64_t version() const { return version_; }

  // The first function returns the size of all names and values, including variables. The second
  // returns by how much one more entry would increase this size.
  size_t size_bytes() const;
  static size_t size_bytes(std::string_view name, std::string_view value);
  // The limit of size_bytes(). It exists because settings are copied for each transaction, and for
  // each statement that another thread parses.
  static constexpr size_t kMaxBytes = 1024 * 1024;

  // Returns those parameters that clients are informed of (ParameterStatus) and whose values have
  // changed since the last call. The first call returns all of them, in the order in which a
  // PostgreSQL server sends them.
  std::vector<std::pair<std::string, std::string>> take_reports();

 private:
  using Values = std::map<std::string, std::string, std::less<>>;
  Status assign(std::string_view name, std::string_view value, Values& into);
  Status check_room(std::string_view name, std::string_view value) const;
  void note_change();
  // Ends the values of SET LOCAL.
  void drop_local();
  std::string value_of(const SettingRow& row) const;
  std::optional<std::string_view> find(std::string_view name) const;

  Values values_, defaults_;      // only values that differ from the table of settings
  std::set<std::string> given_;   // names that the client gave at start-up, in lower case
  Values local_;                  // values of SET LOCAL, which hide those of values_
  std::optional<Values> before_;  // values_ at the beginning of the transaction
  Values reported_;
  bool may_have_reports_ = true;  // a value may have changed since the last take_reports()
  std::map<std::string, std::string> variables_;
  uint64_t version_ = 0;
};

class SessionSettings::Savepoint {
  friend SessionSettings;
  Values values_, local_;
};

// Returns the error of SET and SHOW for an unknown name. `others`: further names that the client
// may have meant.
Error unknown_setting(std::string_view name, std::vector<std::string> others = {});

}  // namespace server::sql
