#include <gtest/gtest.h>

#include "tests/patience.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  tests::limit_each_case();
  return RUN_ALL_TESTS();
}
