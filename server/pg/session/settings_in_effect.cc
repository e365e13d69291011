// Applies changed settings to the session, and restores settings after an error.
#include <utility>

#include "engine/java/postgres_zone.h"
#include "server/pg/client_encoding.h"
#include "server/pg/notifications.h"
#include "server/pg/session.h"

namespace server::pg {

// Saves the settings before a statement that may change them.
void Session::keep_settings(const engine::ParsedStatement& statement) {
  const engine::Statement& own = statement.statement;
  const bool may_change = std::holds_alternative<engine::SetSetting>(own) ||
                          std::holds_alternative<engine::SetProperty>(own) ||
                          std::holds_alternative<engine::UnsetProperty>(own) ||
                          std::holds_alternative<engine::SetTransaction>(own) ||
                          std::holds_alternative<engine::ResetSetting>(own) ||
                          std::holds_alternative<engine::Query>(own);
  if (may_change && transaction_ == TransactionStatus::Idle && !settings_before_)
    settings_before_ = context_.settings.savepoint();
}

void Session::take_settings_back() {
  const auto before = std::exchange(settings_before_, std::nullopt);
  if (!before || transaction_ != TransactionStatus::Idle) return;
  context_.settings.rollback_to(*before);
  settings_charge_.resize(context_.settings.size_bytes());
  follow_settings();
}

void Session::follow_settings() {
  const std::string encoding = context_.settings.get("client_encoding").value_or("");
  const std::string known = context_.encoding ? context_.encoding->name() : "UTF8";
  // The answers of a script are JSON, so they stay UTF-8 whatever client_encoding is.
  if (encoding != known && !context_.form) context_.encoding = ClientEncoding::make(encoding);
  const std::string name = context_.settings.get("application_name").value_or("");
  if (name != shown_name_) status_->set_application_name(shown_name_ = name);
  const std::string zone = context_.settings.get("timezone").value_or("");
  const std::string dates = context_.settings.get("datestyle").value_or("");
  const std::string intervals = context_.settings.get("intervalstyle").value_or("");
  std::string forms_text = zone + '\n' + dates + '\n' + intervals;
  if (forms_text == context_.forms_text) return;
  context_.forms_text = std::move(forms_text);
  // The zone is known, because the check of the setting rejects unknown zones.
  const auto found = engine::find_postgres_zone(zone);
  context_.forms = {.zone = found ? found->clock : nullptr};
  if (!engine::read_date_style(dates, context_.forms)) return;
  engine::read_interval_style(intervals, context_.forms);
}

}  // namespace server::pg
