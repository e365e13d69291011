// Every kind of failure that a caller can react to, and its code in each protocol. Add a code only
// if a caller reacts to it; otherwise reuse one and put the facts in `detail`.
#pragma once
#include <cstdint>
#include <string_view>

enum class ErrorCode : uint8_t {
  Internal,
  // Errors of statements
  SyntaxError,
  NotSupported,
  UndefinedSource,
  UndefinedColumn,
  UndefinedFunction,
  UndefinedObject,
  AmbiguousColumn,
  DuplicateSource,
  DuplicateColumn,
  DuplicateObject,
  DuplicateAlias,  // two sources in FROM have the same name
  UndefinedSchema,
  TypeMismatch,
  InvalidCast,
  GroupingError,
  InvalidColumnReference,  // not allowed in ORDER BY, GROUP BY, DISTINCT ON or ON CONFLICT
  InvalidStatement,
  WrongObjectType,
  DependentObjects,
  // Errors of values
  InvalidText,
  InvalidDatetime,
  OutOfRange,
  DivisionByZero,
  InvalidParameter,
  NullValue,
  BadCopyFormat,
  InvalidEncoding,
  // Errors of sessions
  ProtocolViolation,
  QueryCanceled,
  NoTransaction,
  ActiveTransaction,
  FailedTransaction,
  ReadOnlyTransaction,
  IdleInTransaction,  // a transaction was idle for longer than the session allows
  IdleSession,
  UndefinedStatement,
  UndefinedCursor,
  UndefinedSavepoint,
  DuplicateStatement,
  DuplicateCursor,
  ObjectState,
  LockTimeout,  // another session held the lock on the table for too long
  Deadlock,     // sessions wait for locks of each other
  LimitExceeded,
  OutOfMemory,  // refused because of memory-limit; a retry may succeed
  TooManyConnections,
  TooManyStatements,  // a configured limit of running or waiting statements
  ShuttingDown,
  ReadTimeout,
  UndefinedDatabase,
  InvalidAuthorization,
  InvalidPassword,
  InsufficientPrivilege,
  // The log
  UnknownTopic,
  TopicExists,
  OffsetOutOfRange,
  CorruptRecord,
  RecordTooLarge,
  NotLeader,
  NotEnoughReplicas,  // fewer replicas are in sync than acks=all requires
  FencedLeaderEpoch,
  FencedTask,
  OutOfOrderSequence,
  InvalidTimestamp,
  // The machine: disk, stored data, network
  DiskFull,
  StorageFailure,
  DataCorrupted,  // stored bytes differ from the written ones; a retry does not help
  StorageInUse,
  IncompatibleFormat,
  NetworkFailure,
  // More errors of values and statements
  TooLongText,    // the text is longer than the declared length
  BadBinary,      // a value in PostgreSQL's binary form that is not of its type
  SeveralRows,    // a sub-query returned several rows where one is allowed
  NegativeLimit,  // a number in LIMIT or FETCH is negative
  NegativeOffset,
  UnknownDataType,  // the context does not determine the type of a parameter or of NULL
  DuplicateKey,     // a row with the same primary key exists
  kCount
};

// Kafka's numbers for errors on the wire (https://kafka.apache.org/protocol#protocol_error_codes).
enum class KafkaError : int16_t {
  UnknownServerError = -1,
  None = 0,
  OffsetOutOfRange = 1,
  CorruptMessage = 2,
  UnknownTopicOrPartition = 3,
  NotLeaderOrFollower = 6,
  RequestTimedOut = 7,
  MessageTooLarge = 10,
  CoordinatorNotAvailable = 15,
  InvalidTopic = 17,
  NotEnoughReplicas = 19,
  TopicAuthorizationFailed = 29,
  InvalidTimestamp = 32,
  TopicAlreadyExists = 36,
  InvalidRequest = 42,
  OutOfOrderSequenceNumber = 45,
  InvalidProducerEpoch = 47,
  KafkaStorageError = 56,
  SaslAuthenticationFailed = 58,
  FencedLeaderEpoch = 74,
  InvalidRecord = 87,
};

// Returns the five characters (SQLSTATE) that identify the error to PostgreSQL clients.
std::string_view sqlstate(ErrorCode code);
KafkaError kafka_error(ErrorCode code);
// Returns whether the same request may succeed later.
bool is_retriable(ErrorCode code);
// Returns the name of the enumerator, for logs and tests.
std::string_view name(ErrorCode code);
