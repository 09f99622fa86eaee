# bash completion for poolwatch. What commands and options there are is asked of the tool itself, so that it never is out of date.

_poolwatch()
{
	local cur prev words cword split command
	_init_completion -s || return

	if ((cword == 1)); then
		COMPREPLY=($(compgen -W "$(poolwatch --help 2>/dev/null | sed -n 's/^  \([a-z]\{1,\}\) .*/\1/p') --help --version" -- "$cur"))
		return
	fi
	command=${words[1]}

	# A program and its arguments follow.
	if [[ $command == run ]]; then
		local i
		for ((i = 2; i < cword; i++)); do
			[[ ${words[i]} == -- ]] && { _command_offset $((i + 1)); return; }
		done
	fi

	case $prev in
	-p | --pid)
		_pids
		return
		;;
	-x | --exe)
		COMPREPLY=($(compgen -W "$(ps -eo comm= 2>/dev/null)" -- "$cur"))
		_filedir
		return
		;;
	--pool)
		COMPREPLY=($(compgen -W "$(poolwatch presets --json 2>/dev/null | sed -n 's/.*"file":"\([^"/]*\)".*/\1/p' | sort -u)" -- "$cur"))
		_filedir pool
		return
		;;
	-c | --config)
		_filedir conf
		return
		;;
	--fail-on)
		COMPREPLY=($(compgen -W 'nested order deadlock stall leak any' -- "$cur"))
		return
		;;
	--stacks)
		COMPREPLY=($(compgen -W 'site nested all' -- "$cur"))
		return
		;;
	--syslog)
		COMPREPLY=($(compgen -W 'auth daemon user local0 local1 local2 local3 local4 local5 local6 local7' -- "$cur"))
		return
		;;
	--debug-dir)
		_filedir -d
		return
		;;
	--acquire | --release | --capacity | --stall | --leak | --for | --budget)
		return
		;;
	esac
	$split && return

	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(poolwatch "$command" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u) --help" -- "$cur"))
		return
	fi
	case $command in
	show)
		COMPREPLY=($(compgen -W "$(poolwatch show --help 2>/dev/null | sed -n '1s/^usage: poolwatch show \([a-z|]*\).*/\1/p' | tr '|' ' ')" -- "$cur"))
		;;
	presets)
		COMPREPLY=($(compgen -W "$(poolwatch presets --json 2>/dev/null | sed -n 's/.*"file":"\([^"/]*\)".*/\1/p' | sort -u)" -- "$cur"))
		;;
	check)
		_filedir pool
		;;
	esac
} && complete -F _poolwatch poolwatch
