// The number of members of a struct, at compile time, to check that a table of members is complete.
#pragma once
#include <cstddef>
#include <iterator>
#include <type_traits>

namespace engine {

// A struct can be initialised with as many braces as it has members, each of which stands for that
// member's default. (An argument that converts to anything would not work: an std::optional accepts
// it in two ways.)
template <class T>
consteval size_t member_count() {
  static_assert(std::is_aggregate_v<T>);
  // clang-format off
  constexpr bool takes[] = {
      true,
      requires { T{{}}; },
      requires { T{{}, {}}; },
      requires { T{{}, {}, {}}; },
      requires { T{{}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
      requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; },
  };
// clang-format on
size_t count = std::size(takes) - 1;
while (!takes[count]) --count;
return count;
}

}  // namespace engine
