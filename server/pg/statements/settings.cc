// Runs SET, SHOW, RESET and DISCARD, and defines variables.
#include <fmt/format.h>

#include <algorithm>

#include "engine/types/ascii.h"
#include "server/pg/advisory_locks.h"
#include "server/pg/notifications.h"
#include "server/pg/read_only.h"
#include "server/pg/session.h"
#include "server/pg/statement_kinds.h"
#include "server/pg/statements/own_statement.h"
#include "server/pg/unknown_setting.h"

namespace server::pg {

namespace {

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

Status Session::OwnStatement::charge_settings(std::string_view name, std::string_view value) {
  const size_t all = settings().size_bytes() + sql::SessionSettings::size_bytes(name, value);
  const size_t wanted = std::min(all, sql::SessionSettings::kMaxBytes);
  if (session.settings_charge_.try_resize(wanted)) return {};
  return session.memory_->refusal("settings and variables of " + format_bytes(wanted));
}

Status Session::OwnStatement::check_role(const std::string& role) const {
  const std::string own = session.context_.settings.get("session_authorization").value_or("");
  if (role == "none" || role == own) return {};
  return Error{ErrorCode::NotSupported, fmt::format("SET ROLE \"{}\" is not supported yet", role),
               "A session has the rights of the role that logged in.",
               "Connect as that role. SET ROLE NONE, and SET ROLE to your own, are accepted."};
}

Result<std::string> Session::OwnStatement::level_in_effect(std::string_view written) {
  const std::string level = lower_case(std::string(written));
  if (level == "read committed" || level == "read uncommitted") return level;
  if (level != "repeatable read" && level != "serializable")
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("invalid value for parameter \"{}\": \"{}\"", kIsolation, written),
                 {},
                 "Available values: serializable, repeatable read, read committed, read "
                 "uncommitted."};
  return std::string("read committed");
}

Status Session::OwnStatement::set(std::string_view name, const std::string& given, bool is_local) {
  const std::string key = sql::SessionSettings::spelling(name);
  std::string value = given;
  if (key == "role") TRY(check_role(value));
  if (key == kIsolation || key == kIsolationByDefault) {
    warn_of_isolation({.isolation = engine::upper_case(given)});
    value = TRY(level_in_effect(given));
  }
  // These settings always apply to the transaction only, also if SET is written without LOCAL.
  is_local |= key == kTransactionReadOnly || key == kIsolation || key == kDeferrable;
  if (key == kTransactionReadOnly &&
      (value == "off" || value == "false" || value == "no" || value == "0"))
    TRY(check_may_write());
  if (key == kIsolation && is_in_transaction() && session.has_asked_ &&
      settings().get(key) != value)
    return must_come_first("SET TRANSACTION ISOLATION LEVEL", "called");
  if (key.find('.') != std::string::npos || key == "search_path")
    TRY(context().backend->check_setting(key, value));
  TRY(charge_settings(key, value));
  return is_local ? settings().set_local(key, value) : settings().set(key, value);
}

Status Session::OwnStatement::operator()(const engine::SetSetting& setting) {
  if (setting.name == "session_authorization" && session.has_rights_of_user())
    return Error{ErrorCode::InsufficientPrivilege,
                 "SET SESSION AUTHORIZATION is not supported yet: connect as the other user"};
  if (setting.value)
    TRY(set(setting.name, *setting.value, setting.is_local));
  else
    TRY(settings().reset(setting.name));
  return done("SET");
}

Status Session::OwnStatement::operator()(const engine::SetProperty& property) {
  const std::string key = sql::SessionSettings::spelling(property.name);
  TRY(context().backend->check_property(key, property.value));
  TRY(charge_settings(key, property.value));
  TRY(settings().set(key, property.value));
  return done("SET");
}

Status Session::OwnStatement::operator()(const engine::UnsetProperty& property) {
  const Status known = settings().reset(property.name);
  // If check_property() fails, too, its error is returned, because it is more exact.
  if (!known) TRY(context().backend->check_property(property.name, ""));
  TRY(known);
  release_settings();
  return done("UNSET");
}

Status Session::OwnStatement::operator()(const engine::SetTransaction& set) {
  const TransactionModes modes = TRY(read_transaction_modes(set.modes));
  if (set.for_session) {
    warn_of_isolation(modes);
    if (!modes.isolation.empty()) {
      const std::string level = TRY(level_in_effect(modes.isolation));
      TRY(settings().set(kIsolationByDefault, level));
    }
    if (modes.is_read_only)
      TRY(settings().set(kReadOnlyByDefault, *modes.is_read_only ? "on" : "off"));
    if (modes.is_deferrable)
      TRY(settings().set(kDeferrableByDefault, *modes.is_deferrable ? "on" : "off"));
  } else if (is_in_transaction()) {
    TRY(apply(modes));
  } else {
    warn(ErrorCode::NoTransaction, "SET TRANSACTION can only be used in transaction blocks");
  }
  return done("SET");
}

Status Session::OwnStatement::operator()(const engine::ResetSetting& setting) {
  if (setting.name == "all")
    settings().reset_all();
  else
    TRY(settings().reset(setting.name));
  release_settings();
  return done("RESET");
}

Status Session::OwnStatement::operator()(const engine::ShowSetting& show) {
  std::vector<std::vector<std::optional<std::string>>> rows;
  if (show.name == "all") {
    for (const auto& [name, value, description] : settings().all())
      rows.push_back({name, value, description});
  } else {
    const auto value = setting_in_force(show.name);
    if (!value) return unknown_to_show(show.name);
    rows.push_back({*value});
  }
  return send_rows(show_columns(show.name), rows, "SHOW");
}

std::string_view Session::OwnStatement::of_next(std::string_view name) const {
  if (is_in_transaction()) return name;
  return name == kTransactionReadOnly ? kReadOnlyByDefault
         : name == kIsolation         ? kIsolationByDefault
         : name == kDeferrable        ? kDeferrableByDefault
                                      : name;
}

Status Session::OwnStatement::operator()(const engine::Discard& discard) {
  session.look_ups_.clear();
  session.parses_.clear();
  if (discard.target == engine::DiscardTarget::Temporary) context().backend->discard_temporary();
  if (discard.target == engine::DiscardTarget::Sequences) context().backend->forget_sequences();
  if (discard.target != engine::DiscardTarget::All)
    return done(discard.target == engine::DiscardTarget::Plans       ? "DISCARD PLANS"
                : discard.target == engine::DiscardTarget::Sequences ? "DISCARD SEQUENCES"
                                                                     : "DISCARD TEMP");
  if (is_in_block())
    return Error{ErrorCode::ActiveTransaction, "DISCARD ALL cannot run inside a transaction block"};
  if (session.is_in_pipeline_)
    return Error{ErrorCode::ActiveTransaction, "DISCARD ALL cannot be executed within a pipeline"};
  session.close_portals(true);
  session.discard_prepared();
  if (session.notifications_) session.notifications_->unlisten_all();
  if (session.advisory_locks_) session.advisory_locks_->unlock_all();
  context().backend->discard_temporary();
  context().backend->forget_sequences();
  settings().undefine_all();
  settings().reset_all();
  release_settings();
  return done("DISCARD ALL");
}

Status Session::OwnStatement::operator()(const engine::DefineVariable& variable) {
  TRY(charge_settings(variable.name.text, variable.value));
  TRY(settings().define(variable.name.text, variable.value));
  return done("DEFINE");
}

Status Session::OwnStatement::operator()(const engine::UndefineVariable& variable) {
  settings().undefine(variable.name.text);
  release_settings();
  return done("UNDEFINE");
}

}  // namespace server::pg
