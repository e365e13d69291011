#include "server/cluster/session_frames.h"

#include <vector>

#include "server/kafka/codec.h"

namespace server {

namespace {

template <class Message>
std::string session_frame(const Message& message) {
  std::string frame;
  kafka::RequestHeader header;
  header.api_version = Message::kMaxVersion;
  kafka::append_request(frame, header, message);
  return frame;
}

template <class Numbers>
std::vector<int64_t> as_signed(const Numbers& numbers) {
  return {numbers.begin(), numbers.end()};
}
template <class Numbers>
std::vector<uint64_t> as_unsigned(const Numbers& numbers) {
  return {numbers.begin(), numbers.end()};
}

}  // namespace

std::string frame_of(const LocksWanted& wanted) {
  kafka::LocksWantedRequest to;
  to.process = wanted.process.value();
  to.base = static_cast<int64_t>(wanted.base);
  to.last_change = static_cast<int64_t>(wanted.version);
  to.sent_us = wanted.sent_us;
  for (const LocksWanted::Wanted& each : wanted.added) {
    auto& put = to.added.emplace_back();
    put.id = static_cast<int64_t>(each.id);
    put.owner = static_cast<int64_t>(each.owner);
    put.name = each.name;
    put.is_shared = each.is_shared;
    put.waits = each.waits;
    put.is_held = each.is_held;
  }
  to.removed = as_signed(wanted.removed);
  to.pending = as_signed(wanted.pending);
  return session_frame(to);
}

std::string frame_of(const LocksGranted& granted) {
  kafka::LocksGrantedResponse to;
  to.controller_epoch = granted.controller_epoch;
  to.last_change = static_cast<int64_t>(granted.version);
  to.sent_us = granted.sent_us;
  to.needs_all = granted.needs_all;
  to.granted = as_signed(granted.granted);
  to.refused = as_signed(granted.refused);
  to.deadlocked = as_signed(granted.deadlocked);
  return session_frame(to);
}

std::string frame_of(const NotifySessions& notify) {
  kafka::NotifySessionsRequest to;
  to.sender = notify.sender.value();
  to.receiver = notify.receiver.value();
  to.number = static_cast<int64_t>(notify.number);
  to.any_lost = notify.any_lost;
  for (const NotifySessions::Note& each : notify.notes) {
    auto& put = to.notifications.emplace_back();
    put.process_id = each.process_id;
    put.channel = each.channel;
    put.payload = each.payload;
  }
  return session_frame(to);
}

std::string frame_of(const SessionsNotified& notified) {
  kafka::NotifySessionsResponse to;
  to.sender = notified.sender.value();
  to.number = static_cast<int64_t>(notified.number);
  return session_frame(to);
}

ClusterMessage message_of(const kafka::LocksWantedRequest& from) {
  LocksWanted wanted{storage::NodeEpoch{from.process}, static_cast<uint64_t>(from.base),
                     static_cast<uint64_t>(from.last_change), from.sent_us};
  for (const auto& each : from.added)
    wanted.added.push_back({static_cast<uint64_t>(each.id), static_cast<uint64_t>(each.owner),
                            std::string(each.name), each.is_shared, each.waits, each.is_held});
  wanted.removed = as_unsigned(from.removed);
  wanted.pending = as_unsigned(from.pending);
  return wanted;
}

ClusterMessage message_of(const kafka::LocksGrantedResponse& from) {
  return LocksGranted{from.controller_epoch,
                      static_cast<uint64_t>(from.last_change),
                      from.sent_us,
                      from.needs_all,
                      as_unsigned(from.granted),
                      as_unsigned(from.refused),
                      as_unsigned(from.deadlocked)};
}

ClusterMessage message_of(const kafka::NotifySessionsRequest& from) {
  NotifySessions notify{storage::NodeEpoch{from.sender}, storage::NodeEpoch{from.receiver},
                        static_cast<uint64_t>(from.number), from.any_lost};
  for (const auto& each : from.notifications)
    notify.notes.push_back({each.process_id, std::string(each.channel), std::string(each.payload)});
  return notify;
}

ClusterMessage message_of(const kafka::NotifySessionsResponse& from) {
  return SessionsNotified{storage::NodeEpoch{from.sender}, static_cast<uint64_t>(from.number)};
}

}  // namespace server
