// Always-on assertion for bugs in our own code, never for input.
#pragma once

#include <cstdio>
#include <cstdlib>

#define LETHE_ASSERT(condition)                                                              \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: assertion failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
