// SPDX-License-Identifier: GPL-2.0
/* /dev/poolwatch: see uapi/linux/poolwatch.h, which says what each call does. */
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/user_namespace.h>
#include "chardev.h"
#include "compat.h"
#include "kfunc.h"
#include "ring.h"
#include "session.h"
#include "snapshot.h"

static atomic64_t overruns; /* EPIPEs returned, all files */

static int pw_open(struct inode *inode, struct file *file)
{
	struct pw_reader *r;
	int ret;

	if (file->f_mode & FMODE_WRITE && !(bpf_capable() && perfmon_capable()))
		return -EPERM;

	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return -ENOMEM;
	if (file->f_mode & FMODE_WRITE) {
		ret = pw_session_open(&r->session);
		if (ret) {
			kfree(r);
			return ret;
		}
	}
	mutex_init(&r->lock);
	mutex_init(&r->bounce_lock);
	r->uid = from_kuid(&init_user_ns, file->f_cred->euid);
	/* To open without it is nothing to be audited. */
	r->all = ns_capable_noaudit(&init_user_ns, CAP_SYS_PTRACE);
	r->cursor = pw_ring_oldest();
	file->f_mode &= ~(FMODE_PREAD | FMODE_PWRITE);
	file->private_data = r;
	return 0;
}

static int pw_release(struct inode *inode, struct file *file)
{
	struct pw_reader *r = file->private_data;

	if (r->session)
		pw_session_close(r->session);
	kfree(r);
	return 0;
}

/*
 * The event at the cursor, once what @r may not see is passed over. Called with r->lock held.
 * Return: 0; -EAGAIN; -EPIPE with *@oldest: where to go on.
 */
static int next_visible(struct pw_reader *r, struct poolwatch_event *event, u64 *oldest)
{
	int ret;

	lockdep_assert_held(&r->lock);
	while (!(ret = pw_ring_read(r->cursor, event, oldest)) && !pw_visible(r, event->uid)) {
		WRITE_ONCE(r->cursor, r->cursor + 1);
		cond_resched();
	}
	return ret;
}

static ssize_t read_event(struct pw_reader *r, struct iov_iter *to)
{
	struct poolwatch_event event;
	u64 oldest;
	ssize_t ret;

	ret = mutex_lock_interruptible(&r->lock);
	if (ret)
		return ret;
	ret = next_visible(r, &event, &oldest);
	if (ret == -EPIPE) {
		WRITE_ONCE(r->cursor, oldest);
		atomic64_inc(&overruns);
	} else if (!ret && iov_iter_count(to) < sizeof(event)) {
		ret = -EINVAL;
	} else if (!ret && copy_to_iter(&event, sizeof(event), to) != sizeof(event)) {
		ret = -EFAULT;
	} else if (!ret) {
		WRITE_ONCE(r->cursor, r->cursor + 1);
		ret = sizeof(event);
	}
	mutex_unlock(&r->lock);
	return ret;
}

static ssize_t pw_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct pw_reader *r = iocb->ki_filp->private_data;
	bool wait = !(iocb->ki_filp->f_flags & O_NONBLOCK) && !(iocb->ki_flags & IOCB_NOWAIT);
	ssize_t ret;

	while ((ret = read_event(r, to)) == -EAGAIN && wait) {
		/* Another thread may move the cursor, so go and look after any change. */
		ret = wait_event_interruptible(pw_ring_wait, pw_ring_next() != READ_ONCE(r->cursor));
		if (ret)
			break;
	}
	return ret;
}

static ssize_t pw_write(struct file *file, const char __user *buf, size_t len, loff_t *off)
{
	return -EINVAL;
}

static __poll_t pw_poll(struct file *file, poll_table *wait)
{
	struct pw_reader *r = file->private_data;
	struct poolwatch_event event;
	u64 oldest;
	int ret;

	poll_wait(file, &pw_ring_wait, wait);
	mutex_lock(&r->lock);
	ret = next_visible(r, &event, &oldest);
	mutex_unlock(&r->lock);
	if (ret == -EAGAIN)
		return 0;
	return EPOLLIN | EPOLLRDNORM | (ret == -EPIPE ? EPOLLPRI : 0);
}

static loff_t pw_llseek(struct file *file, loff_t off, int whence)
{
	struct pw_reader *r = file->private_data;
	loff_t ret = 0;

	if (off)
		return -ESPIPE;
	mutex_lock(&r->lock);
	switch (whence) {
	case SEEK_SET:
		WRITE_ONCE(r->cursor, pw_ring_oldest());
		break;
	case SEEK_END:
		WRITE_ONCE(r->cursor, pw_ring_next());
		break;
	case SEEK_DATA:
		WRITE_ONCE(r->cursor, max(r->clear, pw_ring_oldest()));
		break;
	default:
		ret = -EINVAL;
	}
	mutex_unlock(&r->lock);
	return ret;
}

static long get_info(struct poolwatch_info __user *arg)
{
	struct poolwatch_info info;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.flags || memchr_inv(info.pad, 0, sizeof(info.pad)))
		return -EINVAL;
	info = (struct poolwatch_info){
		.abi_major = POOLWATCH_ABI_MAJOR,
		.abi_minor = POOLWATCH_ABI_MINOR,
		.features = pw_has_btf() ? POOLWATCH_FEATURE_KFUNCS : 0,
		.sessions = pw_sessions_open(),
		.max_sessions = pw_sessions_max(),
		.ring_size = pw_ring_size(),
		.oldest = pw_ring_oldest(),
		.next = pw_ring_next(),
		.emitted = pw_ring_next(),
		.drop_invalid = pw_kfunc_refused(),
		.drop_overrun = atomic64_read(&overruns),
		.drop_busy = pw_ring_busy(),
	};
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long pw_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pw_reader *r = file->private_data;

	switch (cmd) {
	case POOLWATCH_IOC_INFO:
		return get_info((struct poolwatch_info __user *)arg);
	case POOLWATCH_IOC_SESSION:
		return r->session ? put_user(r->session, (u32 __user *)arg) : -EBADF;
	case POOLWATCH_IOC_SNAPSHOT:
		return pw_snapshot(r, (struct poolwatch_snapshot __user *)arg);
	case POOLWATCH_IOC_CLEAR:
		mutex_lock(&r->lock);
		r->clear = pw_ring_next();
		mutex_unlock(&r->lock);
		return 0;
	default:
		return -ENOTTY;
	}
}

static const struct file_operations pw_fops = {
	.owner = THIS_MODULE,
	.open = pw_open,
	.release = pw_release,
	.read_iter = pw_read_iter,
	.write = pw_write,
	.poll = pw_poll,
	.llseek = pw_llseek,
	.unlocked_ioctl = pw_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice pw_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "poolwatch",
	.mode = 0640,
	.fops = &pw_fops,
};

int pw_chardev_init(void)
{
	return misc_register(&pw_device);
}

void pw_chardev_exit(void)
{
	misc_deregister(&pw_device);
}
