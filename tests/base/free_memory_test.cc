#include "base/free_memory.h"

#include <string>
#include <vector>

namespace {

TEST(FreeMemory, frees_the_capacity_of_strings_and_vectors) {
  std::string text(100'000, 'x');
  std::vector<int> numbers(100'000);
  free_memory(text);
  free_memory(numbers);
  EXPECT_EQ(text.capacity(), std::string().capacity());
  EXPECT_EQ(numbers.capacity(), 0u);
  text += "usable";
  EXPECT_EQ(text, "usable");
}

}  // namespace
