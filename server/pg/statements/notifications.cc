// Runs LISTEN, UNLISTEN and NOTIFY.
#include <utility>

#include "server/pg/notifications.h"
#include "server/pg/session.h"
#include "server/pg/statement_kinds.h"
#include "server/pg/statements/own_statement.h"
#include "server/pg/table_listener.h"

namespace server::pg {

Status Session::OwnStatement::charge_notification(size_t bytes) {
  constexpr size_t kBytesBeside = 512;
  const size_t all = session.notifications().size_bytes() + kBytesBeside + 2 * bytes;
  if (!session.notifications_charge_.try_resize(all))
    return session.memory_->refusal("channels and notifications of " + format_bytes(all));
  if (is_in_transaction()) ++session.writes_in_transaction_, ++session.lasting_writes_;
  return {};
}

Status Session::OwnStatement::operator()(const engine::Listen& listen) {
  const std::string channel = session_name(listen.channel);
  TRY(check_notification(channel, ""));
  TRY(charge_notification(channel.size()));
  std::unique_ptr<TableListener> table;
  if (TableListener::is_meant(channel) && !session.notifications().channels().contains(channel))
    table = TRY(TableListener::begin(context(), channel, session.waker()));
  session.notifications().listen(channel, std::move(table));
  return done("LISTEN");
}

Status Session::OwnStatement::operator()(const engine::Unlisten& unlisten) {
  const std::string channel = unlisten.channel ? session_name(*unlisten.channel) : "";
  TRY(charge_notification(channel.size()));
  session.notifications().unlisten(channel);
  return done("UNLISTEN");
}

Status Session::OwnStatement::notify_all(std::string channel, std::string payload) {
  Notification notification{session.key_.process_id, std::move(channel), std::move(payload)};
  TRY(check_notification(notification.channel, notification.payload));
  TRY(charge_notification(notification.channel.size() + notification.payload.size()));
  session.notifications().notify(std::move(notification));
  return {};
}

Status Session::OwnStatement::operator()(const engine::Notify& notify) {
  TRY(notify_all(session_name(notify.channel), notify.payload));
  return done("NOTIFY");
}

}  // namespace server::pg
