#include "base/errors.h"

#include <cassert>
#include <iterator>

namespace {

struct ErrorRow {
  ErrorCode code;
  std::string_view name;
  std::string_view sqlstate;
  KafkaError kafka;
  bool retriable;
};

#define ROW(code) ErrorCode::code, #code
constexpr ErrorRow kErrors[] = {
    {ROW(Internal), "XX000", KafkaError::UnknownServerError, false},
    {ROW(SyntaxError), "42601", KafkaError::InvalidRequest, false},
    {ROW(NotSupported), "0A000", KafkaError::InvalidRequest, false},
    {ROW(UndefinedSource), "42P01", KafkaError::UnknownTopicOrPartition, false},
    {ROW(UndefinedColumn), "42703", KafkaError::InvalidRequest, false},
    {ROW(UndefinedFunction), "42883", KafkaError::InvalidRequest, false},
    {ROW(UndefinedObject), "42704", KafkaError::InvalidRequest, false},
    {ROW(AmbiguousColumn), "42702", KafkaError::InvalidRequest, false},
    {ROW(DuplicateSource), "42P07", KafkaError::TopicAlreadyExists, false},
    {ROW(DuplicateColumn), "42701", KafkaError::InvalidRequest, false},
    {ROW(DuplicateObject), "42710", KafkaError::InvalidRequest, false},
    {ROW(DuplicateAlias), "42712", KafkaError::InvalidRequest, false},
    {ROW(UndefinedSchema), "3F000", KafkaError::InvalidRequest, false},
    {ROW(TypeMismatch), "42804", KafkaError::InvalidRequest, false},
    {ROW(InvalidCast), "42846", KafkaError::InvalidRequest, false},
    {ROW(GroupingError), "42803", KafkaError::InvalidRequest, false},
    {ROW(InvalidColumnReference), "42P10", KafkaError::InvalidRequest, false},
    {ROW(InvalidStatement), "42P17", KafkaError::InvalidRequest, false},
    {ROW(WrongObjectType), "42809", KafkaError::InvalidRequest, false},
    {ROW(DependentObjects), "2BP01", KafkaError::InvalidRequest, false},
    {ROW(InvalidText), "22P02", KafkaError::InvalidRecord, false},
    {ROW(InvalidDatetime), "22007", KafkaError::InvalidRecord, false},
    {ROW(OutOfRange), "22003", KafkaError::InvalidRecord, false},
    {ROW(DivisionByZero), "22012", KafkaError::InvalidRecord, false},
    {ROW(InvalidParameter), "22023", KafkaError::InvalidRequest, false},
    {ROW(NullValue), "23502", KafkaError::InvalidRecord, false},
    {ROW(BadCopyFormat), "22P04", KafkaError::InvalidRecord, false},
    {ROW(InvalidEncoding), "22021", KafkaError::InvalidRecord, false},
    {ROW(ProtocolViolation), "08P01", KafkaError::InvalidRequest, false},
    {ROW(QueryCanceled), "57014", KafkaError::RequestTimedOut, false},
    {ROW(NoTransaction), "25P01", KafkaError::InvalidRequest, false},
    {ROW(ActiveTransaction), "25001", KafkaError::InvalidRequest, false},
    {ROW(FailedTransaction), "25P02", KafkaError::InvalidRequest, false},
    {ROW(ReadOnlyTransaction), "25006", KafkaError::InvalidRequest, false},
    {ROW(IdleInTransaction), "25P03", KafkaError::RequestTimedOut, false},
    {ROW(IdleSession), "57P05", KafkaError::RequestTimedOut, false},
    {ROW(UndefinedStatement), "26000", KafkaError::InvalidRequest, false},
    {ROW(UndefinedCursor), "34000", KafkaError::InvalidRequest, false},
    {ROW(UndefinedSavepoint), "3B001", KafkaError::InvalidRequest, false},
    {ROW(DuplicateStatement), "42P05", KafkaError::InvalidRequest, false},
    {ROW(DuplicateCursor), "42P03", KafkaError::InvalidRequest, false},
    {ROW(ObjectState), "55000", KafkaError::InvalidRequest, false},
    {ROW(LockTimeout), "55P03", KafkaError::RequestTimedOut, true},
    {ROW(Deadlock), "40P01", KafkaError::RequestTimedOut, true},
    {ROW(LimitExceeded), "54000", KafkaError::InvalidRequest, false},
    {ROW(OutOfMemory), "53200", KafkaError::InvalidRequest, true},
    {ROW(TooManyConnections), "53300", KafkaError::InvalidRequest, true},
    {ROW(TooManyStatements), "53400", KafkaError::RequestTimedOut, true},
    {ROW(ShuttingDown), "57P01", KafkaError::CoordinatorNotAvailable, true},
    {ROW(ReadTimeout), "57014", KafkaError::RequestTimedOut, true},
    {ROW(UndefinedDatabase), "3D000", KafkaError::InvalidRequest, false},
    {ROW(InvalidAuthorization), "28000", KafkaError::SaslAuthenticationFailed, false},
    {ROW(InvalidPassword), "28P01", KafkaError::SaslAuthenticationFailed, false},
    {ROW(InsufficientPrivilege), "42501", KafkaError::TopicAuthorizationFailed, false},
    {ROW(UnknownTopic), "42P01", KafkaError::UnknownTopicOrPartition, true},
    {ROW(TopicExists), "42P07", KafkaError::TopicAlreadyExists, false},
    {ROW(OffsetOutOfRange), "22003", KafkaError::OffsetOutOfRange, false},
    {ROW(CorruptRecord), "XX001", KafkaError::CorruptMessage, false},
    {ROW(RecordTooLarge), "54000", KafkaError::MessageTooLarge, false},
    {ROW(NotLeader), "57P03", KafkaError::NotLeaderOrFollower, true},
    {ROW(NotEnoughReplicas), "57P03", KafkaError::NotEnoughReplicas, true},
    {ROW(FencedLeaderEpoch), "57P03", KafkaError::FencedLeaderEpoch, true},
    {ROW(FencedTask), "40001", KafkaError::InvalidProducerEpoch, false},
    {ROW(OutOfOrderSequence), "55000", KafkaError::OutOfOrderSequenceNumber, false},
    {ROW(InvalidTimestamp), "22008", KafkaError::InvalidTimestamp, false},
    {ROW(DiskFull), "53100", KafkaError::KafkaStorageError, true},
    {ROW(StorageFailure), "58030", KafkaError::KafkaStorageError, false},
    {ROW(DataCorrupted), "XX001", KafkaError::KafkaStorageError, false},
    {ROW(StorageInUse), "55006", KafkaError::KafkaStorageError, true},
    {ROW(IncompatibleFormat), "58000", KafkaError::KafkaStorageError, false},
    {ROW(NetworkFailure), "08006", KafkaError::CoordinatorNotAvailable, true},
    {ROW(TooLongText), "22001", KafkaError::InvalidRecord, false},
    {ROW(BadBinary), "22P03", KafkaError::InvalidRecord, false},
    {ROW(SeveralRows), "21000", KafkaError::InvalidRecord, false},
    {ROW(NegativeLimit), "2201W", KafkaError::InvalidRequest, false},
    {ROW(NegativeOffset), "2201X", KafkaError::InvalidRequest, false},
    {ROW(UnknownDataType), "42P18", KafkaError::InvalidRequest, false},
    {ROW(DuplicateKey), "23505", KafkaError::InvalidRecord, false},
};
#undef ROW
static_assert(std::size(kErrors) == static_cast<size_t>(ErrorCode::kCount));

constexpr bool rows_are_in_enum_order() {
  for (size_t i = 0; i < std::size(kErrors); ++i)
    if (static_cast<size_t>(kErrors[i].code) != i) return false;
  return true;
}
static_assert(rows_are_in_enum_order());

const ErrorRow& row(ErrorCode code) {
  assert(code < ErrorCode::kCount);
  return kErrors[static_cast<size_t>(code)];
}

}  // namespace

std::string_view sqlstate(ErrorCode code) { return row(code).sqlstate; }
KafkaError kafka_error(ErrorCode code) { return row(code).kafka; }
bool is_retriable(ErrorCode code) { return row(code).retriable; }
std::string_view name(ErrorCode code) { return row(code).name; }
