#include "git/repository.h"
#include <gtest/gtest.h>
