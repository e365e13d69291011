// Runs a SELECT that calls set_config(), pg_notify(), pg_cancel_backend(), pg_advisory_lock() and similar functions.
#include <fmt/format.h>

#include <utility>

#include "engine/types/ascii.h"
#include "server/pg/advisory_locks.h"
#include "server/pg/copy_input.h"
#include "server/pg/session.h"
#include "server/pg/setting_calls.h"
#include "server/pg/statements/own_statement.h"

namespace server::pg {

std::optional<std::string> Session::OwnStatement::setting_in_force(const std::string& name) {
  return settings().get(of_next(engine::lower_case(name)));
}

Status Session::OwnStatement::operator()(const engine::Query& query) {
  // An earlier Execute of this portal has already made the settings.
  if (goes_on()) return done("SELECT 0");
  // The actions outlive this call if the statement has to wait for a lock.
  SettingActions actions;
  actions.get = [own = *this](const std::string& name) mutable {
    return own.setting_in_force(name);
  };
  actions.set = [own = *this](const std::string& name, const std::optional<std::string>& value,
                              bool is_local) mutable -> Status {
    if (name == "session_authorization" && own.session.has_rights_of_user())
      return Error{ErrorCode::InsufficientPrivilege,
                   "SET SESSION AUTHORIZATION is not supported yet: connect as the other user"};
    if (value) return own.set(name, *value, is_local);
    return own.settings().reset(name);
  };
  actions.notify = [own = *this](const std::string& channel, const std::string& payload) mutable {
    return own.notify_all(channel, payload);
  };
  actions.end = [own = *this](int32_t process_id, SessionEnd what) mutable -> Result<bool> {
    const bool is_there = TRY(own.session.end_session(process_id, what));
    if (!is_there)
      own.warn(ErrorCode::UndefinedObject,
               fmt::format("PID {} is not a PostgreSQL server process", process_id));
    return is_there;
  };
  actions.lock = [own = *this](const AdvisoryCall& call, std::string key) mutable {
    return own.lock(call, {std::move(key), call.is_shared, call.is_of_transaction});
  };
  const auto run =
      std::make_shared<SettingRun>(query, parameters, std::move(actions), settings().all());
  auto step = [own = *this, columns = columns_of_settings(query, statement.parameter_oids),
               run]() mutable -> Result<bool> {
    const std::optional<std::vector<SettingRun::Row>> rows = TRY(run->advance());
    if (!rows) return false;
    own.session.follow_settings();  // ParameterStatus for settings changed by set_config()
    TRY(own.send_rows(columns, *rows, fmt::format("SELECT {}", rows->size())));
    return true;
  };
  if (TRY(step())) return {};
  session.begin_activity(make_lock_activity(context(), session.advisory_locks(), step),
                         statement.text);
  return {};
}

Result<std::optional<SettingActions::Text>> Session::OwnStatement::lock(const AdvisoryCall& call,
                                                                        AdvisoryLock lock) {
  using Text = SettingActions::Text;
  SessionAdvisoryLocks& locks = session.advisory_locks();
  const auto answer = [](const char* text) { return std::optional<Text>(std::in_place, text); };
  using Wait = SessionAdvisoryLocks::Wait;
  const auto ask = [&](Wait wait) {
    return locks.is_waiting() ? locks.take_answer() : locks.ask(lock, wait);
  };
  switch (call.does) {
    case AdvisoryCall::Does::Lock:
      return TRY(ask(Wait::Blocks)) ? answer("") : std::optional<Text>();
    case AdvisoryCall::Does::TryLock: {
      const std::optional<bool> has_it = TRY(ask(Wait::None));
      return has_it ? answer(*has_it ? "t" : "f") : std::optional<Text>();
    }
    case AdvisoryCall::Does::UnlockAll:
      locks.unlock_all();
      return answer("");
    case AdvisoryCall::Does::Unlock:
      break;
  }
  const bool had_it = locks.unlock(lock);
  if (!had_it)
    warn(ErrorCode::ObjectState, fmt::format("you don't own a lock of type {}",
                                             lock.is_shared ? "ShareLock" : "ExclusiveLock"));
  return answer(had_it ? "t" : "f");
}

}  // namespace server::pg
