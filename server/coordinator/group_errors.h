// Errors of Kafka's protocol for group coordinators, in addition to those of base/errors.h
// (https://kafka.apache.org/protocol#protocol_error_codes).
#pragma once
#include "base/errors.h"

namespace server::coordinator {

inline constexpr KafkaError kOffsetMetadataTooLarge{12};
inline constexpr KafkaError kCoordinatorLoadInProgress{14};
inline constexpr KafkaError kNotCoordinator{16};
inline constexpr KafkaError kIllegalGeneration{22};
inline constexpr KafkaError kInconsistentGroupProtocol{23};
inline constexpr KafkaError kInvalidGroupId{24};
inline constexpr KafkaError kUnknownMemberId{25};
inline constexpr KafkaError kInvalidSessionTimeout{26};
inline constexpr KafkaError kRebalanceInProgress{27};
inline constexpr KafkaError kUnsupportedVersion{35};
inline constexpr KafkaError kNonEmptyGroup{68};
inline constexpr KafkaError kGroupIdNotFound{69};
inline constexpr KafkaError kMemberIdRequired{79};
inline constexpr KafkaError kGroupMaxSizeReached{81};
inline constexpr KafkaError kFencedInstanceId{82};
inline constexpr KafkaError kGroupSubscribedToTopic{86};
inline constexpr KafkaError kUnstableOffsetCommit{88};
inline constexpr KafkaError kFencedMemberEpoch{110};
inline constexpr KafkaError kUnreleasedInstanceId{111};
inline constexpr KafkaError kUnsupportedAssignor{112};
inline constexpr KafkaError kStaleMemberEpoch{113};
inline constexpr KafkaError kInvalidRegularExpression{128};

// Returns whether the error results from the coordinator's state of the group. Clients join again
// or stop because of such an error, so a coordinator must not send it if another coordinator has
// replaced it. The other errors concern the coordinator itself, or are temporary.
constexpr bool is_group_verdict(KafkaError error) {
  return error == kIllegalGeneration || error == kUnknownMemberId || error == kGroupIdNotFound ||
         error == kFencedInstanceId || error == kFencedMemberEpoch || error == kStaleMemberEpoch;
}

}  // namespace server::coordinator
