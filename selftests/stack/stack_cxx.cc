// SPDX-License-Identifier: GPL-2.0
// As stack_target.c, with names that only C++ has.
#include <cstdio>
#include <unistd.h>

namespace app
{
template <class T> struct Session {
	T value;
	__attribute__((noipa)) int fetch(T n);
};

__attribute__((noipa)) int wait_here(int n)
{
	char c = 0;

	std::puts("ready");
	std::fflush(stdout);
	while (n && read(0, &c, 1) < 0)
		;
	return c + n;
}

template <class T> int Session<T>::fetch(T n)
{
	auto inner = [n] { return wait_here(n) + 1; };

	return inner() + value;
}
}

int main()
{
	app::Session<int> session{ 1 };

	return session.fetch(1) == 0;
}
