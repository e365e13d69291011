// Encodes and decodes the messages about locks and notifications of sessions, for node_wire.h.
#pragma once
#include <string>

#include "server/cluster/cluster_messages.h"
#include "server/kafka/messages/locks_granted_response.h"
#include "server/kafka/messages/locks_wanted_request.h"
#include "server/kafka/messages/notify_sessions_request.h"
#include "server/kafka/messages/notify_sessions_response.h"

namespace server {

std::string frame_of(const LocksWanted& wanted);
std::string frame_of(const LocksGranted& granted);
std::string frame_of(const NotifySessions& notify);
std::string frame_of(const SessionsNotified& notified);

ClusterMessage message_of(const kafka::LocksWantedRequest& from);
ClusterMessage message_of(const kafka::LocksGrantedResponse& from);
ClusterMessage message_of(const kafka::NotifySessionsRequest& from);
ClusterMessage message_of(const kafka::NotifySessionsResponse& from);

}  // namespace server
