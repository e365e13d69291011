// Error codes of the protocol that only this front end uses; the others are in base/errors.h
// (https://kafka.apache.org/protocol#protocol_error_codes).
#pragma once
#include "base/errors.h"

namespace server::kafka {

inline constexpr KafkaError kInvalidRequiredAcks{21};
inline constexpr KafkaError kTopicRefused{29};        // TOPIC_AUTHORIZATION_FAILED
inline constexpr KafkaError kGroupRefused{30};        // GROUP_AUTHORIZATION_FAILED
inline constexpr KafkaError kClusterRefused{31};      // CLUSTER_AUTHORIZATION_FAILED
inline constexpr KafkaError kTransactionRefused{53};  // TRANSACTIONAL_ID_AUTHORIZATION_FAILED
inline constexpr KafkaError kUnsupportedVersion{35};
inline constexpr KafkaError kInvalidPartitions{37};
inline constexpr KafkaError kInvalidReplicationFactor{38};
inline constexpr KafkaError kInvalidReplicaAssignment{39};
inline constexpr KafkaError kInvalidConfig{40};
inline constexpr KafkaError kPolicyViolation{44};
inline constexpr KafkaError kUnsupportedSaslMechanism{33};
inline constexpr KafkaError kIllegalSaslState{34};
inline constexpr KafkaError kSecurityDisabled{54};
inline constexpr KafkaError kOperationNotAttempted{55};
inline constexpr KafkaError kLogDirNotFound{57};
inline constexpr KafkaError kFetchSessionNotFound{70};
inline constexpr KafkaError kInvalidFetchSessionEpoch{71};
inline constexpr KafkaError kUnknownLeaderEpoch{75};
inline constexpr KafkaError kUnsupportedCompression{76};
inline constexpr KafkaError kOffsetNotAvailable{78};
inline constexpr KafkaError kPreferredLeaderNotAvailable{80};
inline constexpr KafkaError kEligibleLeadersNotAvailable{83};
inline constexpr KafkaError kElectionNotNeeded{84};
inline constexpr KafkaError kNoReassignmentInProgress{85};
inline constexpr KafkaError kResourceNotFound{91};
inline constexpr KafkaError kDuplicateResource{92};
inline constexpr KafkaError kUnacceptableCredential{93};
inline constexpr KafkaError kInvalidUpdateVersion{95};
inline constexpr KafkaError kFeatureUpdateFailed{96};
inline constexpr KafkaError kUnknownTopicId{100};
inline constexpr KafkaError kFetchSessionTopicIdError{106};
inline constexpr KafkaError kBrokerIdNotRegistered{102};
inline constexpr KafkaError kMismatchedEndpointType{114};
inline constexpr KafkaError kUnsupportedEndpointType{115};

}  // namespace server::kafka
