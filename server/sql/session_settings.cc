#include "server/sql/session_settings.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>

#include "base/suggest.h"
#include "engine/catalog/statement_settings.h"
#include "engine/java/postgres_zone.h"
#include "engine/types/text_forms.h"
#include "server/sql/client_encodings.h"

namespace server::sql {

enum class SettingCheck : uint8_t {
  Text,
  Boolean,
  Number,
  Duration,
  Encoding,
  Dates,
  Intervals,
  FloatDigits,
  MessageLevel,
  Always,
  FixedValue,
  Zone
};
enum class Reported : bool { No, Yes };

// A known setting. Names are matched without regard to case; `name` is the spelling that SHOW and
// ParameterStatus use.
struct SettingRow {
  std::string_view name, value;
  SettingCheck check;
  Reported reported;
  std::string_view description;
};

namespace {

using enum SettingCheck;
constexpr Reported kReported = Reported::Yes, kSilent = Reported::No;

// Reported settings come first, in the order in which a PostgreSQL 15 server sends them: drivers
// fail to connect without some of them (server_version, client_encoding).
constexpr SettingRow kSettings[] = {
    {"application_name", "", Text, kReported, "Name that the client gives itself."},
    {"client_encoding", "UTF8", Encoding, kReported,
     "Encoding of the client; the server uses UTF8."},
    {"DateStyle", "ISO, MDY", Dates, kReported,
     "Format of dates, and order of their parts in input."},
    {"default_transaction_read_only", "off", Boolean, kReported, ""},
    {"in_hot_standby", "off", FixedValue, kReported, ""},
    {"integer_datetimes", "on", FixedValue, kReported, ""},
    {"IntervalStyle", "postgres", Intervals, kReported, "Format of intervals."},
    {"is_superuser", "off", FixedValue, kReported, ""},
    {"server_encoding", "UTF8", FixedValue, kReported, ""},
    {"server_version", "15.0 (Millrace " MILLRACE_VERSION ")", FixedValue, kReported,
     "PostgreSQL version that clients can assume."},
    {"session_authorization", "", Text, kReported, ""},
    {"standard_conforming_strings", "on", Always, kReported, ""},
    {"TimeZone", "UTC", Zone, kReported,
     "Time zone of timestamptz in output, and in input without a zone."},

    {"bytea_output", "hex", Always, kSilent, ""},
    {"check_function_bodies", "on", Boolean, kSilent, ""},
    {"client_min_messages", "notice", MessageLevel, kSilent,
     "Lowest level of notices that are sent."},
    {"compat", "", FixedValue, kSilent, "Server setting: --compat ksqldb uses ksqlDB's defaults."},
    {"default_table_access_method", "heap", FixedValue, kSilent, ""},
    {"default_tablespace", "", Text, kSilent, ""},
    {"default_transaction_deferrable", "off", Boolean, kSilent, ""},
    {"default_transaction_isolation", "read committed", Text, kSilent, ""},
    {"escape_string_warning", "on", Boolean, kSilent, ""},
    {"extra_float_digits", "1", FloatDigits, kSilent,
     "Numbers are always shown with all their digits."},
    {"idle_in_transaction_session_timeout", "0", Duration, kSilent,
     "Time without a message within a transaction after which the session ends; 0: never."},
    {"idle_session_timeout", "0", Duration, kSilent,
     "Time without a message outside of a transaction after which the session ends; 0: never."},
    {"jit", "off", Boolean, kSilent, ""},
    {"lc_collate", "C.UTF-8", FixedValue, kSilent, "Order of texts, as in pg_database."},
    {"lc_ctype", "C.UTF-8", FixedValue, kSilent, "Classes of characters, as in pg_database."},
    {"lock_timeout", "0", Duration, kSilent, ""},
    {"max_identifier_length", "63", FixedValue, kSilent, ""},
    {"max_index_keys", "32", FixedValue, kSilent, ""},
    {"max_prepared_transactions", "0", FixedValue, kSilent, ""},
    {"password_encryption", "scram-sha-256", Always, kSilent,
     "Passwords are kept as SCRAM verifiers."},
    {"role", "none", Text, kSilent, ""},
    {"row_security", "on", Boolean, kSilent, ""},
    {"search_path", "\"$user\", public", Text, kSilent, ""},
    {"server_version_num", "150000", FixedValue, kSilent, ""},
    {"statement_timeout", "0", Duration, kSilent,
     "Time after which a statement is canceled; applies to a push query only if the session itself "
     "has set it."},
    {"synchronize_seqscans", "on", Boolean, kSilent, ""},
    {"synchronous_commit", "on", Text, kSilent, ""},
    {"transaction_deferrable", "off", Boolean, kSilent, ""},
    {"transaction_isolation", "read committed", Text, kSilent, ""},
    {"transaction_read_only", "off", Boolean, kSilent, ""},
    {"unenforced_constraints", "off", Boolean, kSilent,
     "Keeps UNIQUE, CHECK and FOREIGN KEY in the catalog without enforcing them; off: an error."},
    {"work_mem", "4MB", Text, kSilent, ""},
    {"xmloption", "content", Text, kSilent, ""},

    {"push.output", "auto", Text, kSilent,
     "Format of a push query in the simple protocol: auto, rows, table or copy."},
    {"push.max_rows", "0", Number, kSilent,
     "Number of rows after which a push query ends; 0: never."},
    {"push.timeout", "0", Duration, kSilent, "Time after which a push query ends; 0: never."},
    {"push.linger", "0", Duration, kSilent,
     "Time without another row after which a FETCH that has rows ends; 0: it waits for all rows."},
    {"push.fetch_timeout", "0", Duration, kSilent,
     "Time after which a FETCH ends even without rows; 0: never."},
};

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// Finds the row of a setting. The table is keyed by lower-case names, since some settings are
// looked up for each statement, in lower case.
const SettingRow* find_row(std::string_view name) {
  static const auto* const kRows = [] {
    auto* rows = new std::map<std::string, const SettingRow*, std::less<>>;
    for (const SettingRow& row : kSettings) rows->emplace(lower_case(row.name), &row);
    return rows;
  }();
  auto found = kRows->find(name);
  if (found == kRows->end()) found = kRows->find(lower_case(name));
  return found == kRows->end() ? nullptr : found->second;
}

// Returns whether the name contains a dot. Any such name can be set, because properties of the
// engine and values that a client keeps in its session have such names.
bool is_free_name(std::string_view name) { return name.find('.') != std::string_view::npos; }

std::optional<int64_t> parse_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> parse_duration_ms(std::string_view text) {
  constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}, {"", 1}};
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto count = parse_number(text.substr(0, digits));
  std::string_view unit = text.substr(digits);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  const auto row = std::ranges::find(kUnits, unit, &std::pair<std::string_view, int64_t>::first);
  if (!count || row == std::end(kUnits) || *count > INT64_MAX / row->second) return std::nullopt;
  return *count * row->second;
}

std::optional<std::string> parse_boolean(std::string_view text) {
  const std::string word = lower_case(text);
  for (const std::string_view yes : {"on", "true", "t", "yes", "y", "1"})
    if (word == yes) return "on";
  for (const std::string_view no : {"off", "false", "f", "no", "n", "0"})
    if (word == no) return "off";
  return std::nullopt;
}

Error bad_value(const SettingRow& row, std::string_view value, std::string hint) {
  return Error{ErrorCode::InvalidParameter,
               "invalid value for parameter \"" + std::string(row.name) + "\": \"" +
                   std::string(value) + "\"",
               "", std::move(hint)};
}

// Returns the error for a value that PostgreSQL supports and this server does not.
Error not_yet(const SettingRow& row, std::string_view value, std::string hint) {
  return Error{
      ErrorCode::NotSupported,
      "parameter \"" + std::string(row.name) + "\" cannot be \"" + std::string(value) + "\" yet",
      "", std::move(hint)};
}

Result<std::string> checked_level(const SettingRow& row, std::string_view value) {
  constexpr std::string_view kLevels[] = {"debug5", "debug4", "debug3",  "debug2", "debug1",
                                          "log",    "notice", "warning", "error"};
  if (same_name(value, "debug")) return std::string("debug2");
  if (same_name(value, "info")) return std::string("info");  // valid, but not listed
  std::string hint = "Available values: ";
  for (const std::string_view level : kLevels) {
    if (same_name(value, level)) return std::string(level);
    hint += level;
    hint += level == "error" ? "." : ", ";
  }
  return bad_value(row, value, std::move(hint));
}

// Returns the value in the form in which it is kept and shown. `before` is the previous value: a
// DateStyle that does not name the order of day and month keeps the previous order.
Result<std::string> checked(const SettingRow& row, std::string_view value,
                            std::string_view before) {
  switch (row.check) {
    case Boolean:
      if (auto word = parse_boolean(value)) return *word;
      return bad_value(row, value, "Use on or off.");
    case Number:
      if (parse_number(value)) return std::string(value);
      return bad_value(row, value, "Use a whole number.");
    case Duration:
      if (parse_duration_ms(value)) return std::string(value);
      return bad_value(row, value, "Use a number with a unit: 250ms, 5s, 1min, 2h.");
    case Encoding:
      if (const ClientEncodingRow* encoding = find_client_encoding(value))
        return std::string(encoding->name);
      return bad_value(row, value,
                       "Use UTF8, LATIN1 to LATIN9, WIN1250 to WIN1258, SQL_ASCII, EUC_JP, ...");
    case Dates: {
      engine::TextForms forms;
      TRY(engine::read_date_style(before, forms));
      TRY(engine::read_date_style(value, forms));
      return engine::date_style_text(forms);
    }
    case Intervals: {
      engine::TextForms forms;
      if (!engine::read_interval_style(value, forms))
        return bad_value(row, value,
                         "Available values: postgres, postgres_verbose, sql_standard, iso_8601.");
      return std::string(engine::interval_style_text(forms));
    }
    case FloatDigits: {
      constexpr int64_t kLeast = -15, kMost = 3;
      const auto digits = parse_number(value);
      if (!digits) return bad_value(row, value, "Use a whole number.");
      if (*digits < kLeast || *digits > kMost)
        return Error{ErrorCode::InvalidParameter,
                     std::string(value) + " is outside the valid range for parameter \"" +
                         std::string(row.name) + "\" (-15 .. 3)"};
      if (*digits < 1)
        return not_yet(row, value, "Numbers are shown with all their digits: use 1, 2 or 3.");
      return std::string(value);
    }
    case MessageLevel:
      return checked_level(row, value);
    case FixedValue:
      if (same_name(value, row.value)) return std::string(row.value);
      return Error{ErrorCode::ObjectState,
                   "parameter \"" + std::string(row.name) + "\" cannot be changed"};
    case Always:
      if (same_name(value, row.value) || parse_boolean(value) == row.value)
        return std::string(row.value);
      return Error{ErrorCode::NotSupported, "parameter \"" + std::string(row.name) +
                                                "\" cannot be anything but \"" +
                                                std::string(row.value) + "\" yet"};
    case Zone:
      return TRY(engine::find_postgres_zone(value)).name;
    case Text:
      break;
  }
  if (row.name == "push.output" && value != "auto" && value != "rows" && value != "table" &&
      value != "copy")
    return bad_value(row, value, "Available values: auto, rows, table, copy.");
  return std::string(value);
}

}  // namespace

SessionSettings::SessionSettings() = default;

std::string SessionSettings::value_of(const SettingRow& row) const {
  return get(row.name).value_or(std::string(row.value));
}

std::optional<std::string> SessionSettings::get(std::string_view name) const {
  if (const auto value = find(name)) return std::string(*value);
  return std::nullopt;
}

std::optional<std::string_view> SessionSettings::find(std::string_view name) const {
  const SettingRow* row = find_row(name);
  // Values are stored under lower-case names.
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  std::string lower;
  if (std::ranges::any_of(name, is_upper)) name = lower = lower_case(name);
  for (const Values* values : {&local_, &values_})
    if (const auto found = values->find(name); found != values->end()) return found->second;
  if (row) return row->value;
  return std::nullopt;
}

int64_t SessionSettings::get_ms(std::string_view name) const {
  return to_ms(find(name).value_or(""));
}
int64_t SessionSettings::to_ms(std::string_view text) {
  return parse_duration_ms(text).value_or(0);
}
int64_t SessionSettings::get_number(std::string_view name) const {
  return parse_number(find(name).value_or("")).value_or(0);
}

std::string SessionSettings::spelling(std::string_view name) {
  const SettingRow* row = find_row(name);
  return std::string(row ? row->name : name);
}

std::vector<std::string> SessionSettings::known_names() {
  std::vector<std::string> names;
  for (const SettingRow& row : kSettings) names.push_back(lower_case(row.name));
  return names;
}

Error unknown_setting(std::string_view name, std::vector<std::string> others) {
  for (const SettingRow& row : kSettings) others.emplace_back(row.name);
  std::string hint = did_you_mean(name, others);
  // The names of ksqlDB's settings have dots, for which users of PostgreSQL write underscores.
  std::string dotted = lower_case(name);
  std::ranges::replace(dotted, '_', '.');
  if (engine::is_statement_setting(dotted))
    hint = "The name has dots, and is in quotes: SET '" + dotted + "' = '" +
           (dotted == "auto.offset.reset" ? "earliest" : "...") + "'.";
  return Error{ErrorCode::UndefinedObject,
               "unrecognized configuration parameter \"" + std::string(name) + "\"", "",
               std::move(hint)};
}

bool SessionSettings::is_set_in_session(std::string_view name) const {
  const std::string key = lower_case(name);
  if (given_.contains(key)) return true;
  const auto found = values_.find(key);
  const auto preset = defaults_.find(key);
  if (local_.contains(key)) return true;
  return found != values_.end() && (preset == defaults_.end() || preset->second != found->second);
}

size_t SessionSettings::size_bytes(std::string_view name, std::string_view value) {
  constexpr size_t kNodeBytes = 100;  // memory of a map node
  return kNodeBytes + name.size() + value.size();
}

size_t SessionSettings::size_bytes() const {
  size_t bytes = 0;
  for (const auto& [name, value] : variables_) bytes += size_bytes(name, value);
  for (const Values* values : {&values_, &local_})
    for (const auto& [name, value] : *values) bytes += size_bytes(name, value);
  return bytes;
}

// The size of the old value is not subtracted, since it is freed only after the new one is stored.
Status SessionSettings::check_room(std::string_view name, std::string_view value) const {
  const size_t added = size_bytes(name, value);
  if (added <= kMaxBytes && size_bytes() + added <= kMaxBytes) return {};
  return Error{ErrorCode::LimitExceeded,
               "the settings and variables of a session are limited to " +
                   std::to_string(kMaxBytes >> 20) + " MB",
               "They take " + std::to_string(size_bytes()) + " bytes, and this one " +
                   std::to_string(added) + " more.",
               "Use UNDEFINE or RESET for settings and variables that are not needed, or use "
               "shorter values."};
}

Status SessionSettings::define(const std::string& name, const std::string& value) {
  TRY(check_room(name, value));
  variables_[name] = value;
  ++version_;
  return {};
}

void SessionSettings::undefine(const std::string& name) {
  variables_.erase(name);
  ++version_;
}
void SessionSettings::undefine_all() {
  variables_.clear();
  ++version_;
}

void SessionSettings::drop_local() {
  may_have_reports_ = true;
  // Each BEGIN sets transaction_isolation, usually to the value that the setting has without it.
  for (const auto& [name, value] : std::exchange(local_, {}))
    if (get(name) != value) ++version_;
}

void SessionSettings::note_change() {
  may_have_reports_ = true;
  ++version_;
}

Status SessionSettings::assign(std::string_view name, std::string_view value, Values& into) {
  may_have_reports_ = true;
  TRY(check_room(name, value));
  if (const SettingRow* row = find_row(name)) {
    into[lower_case(name)] = TRY(checked(*row, value, find(name).value_or(row->value)));
    return {};
  }
  if (!is_free_name(name)) return unknown_setting(name);
  into[lower_case(name)] = std::string(value);
  return {};
}

Status SessionSettings::set(std::string_view name, std::string_view value) {
  const auto former = get(name);
  local_.erase(lower_case(name));
  const Status assigned = assign(name, value, values_);
  if (get(name) != former) ++version_;
  return assigned;
}
Status SessionSettings::set_local(std::string_view name, std::string_view value) {
  if (before_) {
    const auto former = get(name);
    const Status assigned = assign(name, value, local_);
    if (get(name) != former) ++version_;
    return assigned;
  }
  Values nowhere;  // outside of a transaction a SET LOCAL has no effect: the value is only checked
  return assign(name, value, nowhere);
}

Status SessionSettings::reset(std::string_view name) {
  const std::string key = lower_case(name);
  if (!find_row(name) && !is_free_name(name)) return unknown_setting(name);
  local_.erase(key);
  note_change();
  const auto preset = defaults_.find(key);
  if (preset != defaults_.end())
    values_[key] = preset->second;
  else
    values_.erase(key);
  return {};
}

void SessionSettings::reset_all() {
  note_change();
  local_.clear();
  values_ = defaults_;
}
void SessionSettings::preset(std::string_view name, std::string value) {
  values_[lower_case(name)] = std::move(value);
  note_change();
}
void SessionSettings::note_given(std::string_view name) { given_.insert(lower_case(name)); }

void SessionSettings::keep_as_defaults() { defaults_ = values_; }

void SessionSettings::begin_transaction() { before_ = values_; }
void SessionSettings::commit_transaction() {
  before_.reset();
  drop_local();
}
void SessionSettings::rollback_transaction() {
  if (before_ && *before_ != values_) ++version_;
  if (before_) values_ = *std::exchange(before_, std::nullopt);
  drop_local();
}

SessionSettings::Savepoint SessionSettings::savepoint() const {
  Savepoint made;
  made.values_ = values_;
  made.local_ = local_;
  return made;
}
void SessionSettings::rollback_to(const Savepoint& savepoint) {
  values_ = savepoint.values_;
  local_ = savepoint.local_;
  note_change();
}

std::vector<SessionSettings::Entry> SessionSettings::all() const {
  std::vector<Entry> entries;
  for (const SettingRow& row : kSettings)
    entries.push_back({std::string(row.name), value_of(row), std::string(row.description)});
  for (const auto& [name, value] : values_)
    if (!find_row(name)) entries.push_back({name, get(name).value_or(value), ""});
  std::ranges::sort(entries, {}, [](const Entry& entry) { return lower_case(entry.name); });
  return entries;
}

std::map<std::string, std::string> SessionSettings::properties() const {
  std::map<std::string, std::string> set;
  for (const Values* values : {&local_, &values_})
    for (const auto& [name, value] : *values)
      if (is_free_name(name)) set.try_emplace(name, value);
  return set;
}

std::vector<std::pair<std::string, std::string>> SessionSettings::take_reports() {
  std::vector<std::pair<std::string, std::string>> reports;
  if (!std::exchange(may_have_reports_, false)) return reports;
  for (const SettingRow& row : kSettings) {
    if (row.reported == Reported::No) continue;
    std::string value = value_of(row);
    const auto [last, is_new] = reported_.try_emplace(std::string(row.name), value);
    if (!is_new && last->second == value) continue;
    last->second = value;
    reports.emplace_back(row.name, std::move(value));
  }
  return reports;
}

}  // namespace server::sql
