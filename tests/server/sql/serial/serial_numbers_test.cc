#include "server/sql/serial/serial_numbers.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace server {
namespace {

TEST(SerialNumbers, follow_the_noted_number) {
  SerialNumbers numbers;
  const SerialNumbers::Column column{Uuid(), 0};
  numbers.note(column, 7);  // this number is noted before the first number is known
  EXPECT_FALSE(numbers.knows(column));
  EXPECT_FALSE(numbers.take(column, 1));
  numbers.begin(column, 3);
  EXPECT_EQ(numbers.take(column, 2), 8);
  EXPECT_EQ(numbers.take(column, 1), 10);
  numbers.note(column, 5);
  EXPECT_EQ(numbers.take(column, 1), 11);
  numbers.note(column, 20);
  EXPECT_EQ(numbers.take(column, 1), 21);
  numbers.note(column, INT64_MAX);
  EXPECT_EQ(numbers.take(column, 1), INT64_MAX) << "which says that they are used up";
}

}  // namespace
}  // namespace server
